"""The command line `xray-landmarks`: one module a command group; what a command needs is imported when it runs."""

from .app import app, main

__all__ = ["app", "main"]
