"""The program: its commands, and what becomes of errors."""

import logging
import os
import sys
import warnings

import typer

from .. import __version__
from ..errors import Cancelled, InputError
from .cobb import cobb
from .demo import demo
from .detect import detect
from .evaluate import evaluate
from .importing import import_dataset
from .models import models
from .pose import pose
from .register import register
from .reporting import PROGRAM, complain, one_line
from .sample import sample
from .segment import segment
from .simulate import simulate
from .surfaces import surfaces
from .train import train
from .view_sphere import view_sphere

# the base class of usage errors, whether typer brings its own click or uses the installed one
_ClickException = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")

OK, SOME_FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130

app = typer.Typer(
    name=PROGRAM,
    help="Landmarks and bone segmentation in radiographs. Research software: not for clinical use.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)


def _version(value: bool) -> None:
    if value:
        print(f"{PROGRAM} {__version__}")
        raise typer.Exit()


@app.callback()
def _root(version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print it.")) -> None:
    pass


for command in (demo, models, sample, surfaces, simulate, detect, segment, pose, register, cobb, train, evaluate,
                view_sphere):
    app.command()(command)
app.command("import")(import_dataset)


def main(arguments: list[str] | None = None) -> None:
    """Run the program; leaves with 0, 1 (some inputs failed), 2 (bad input, one line on standard error) or 130."""
    debug = bool(os.environ.get("XRAY_LANDMARKS_DEBUG"))
    if not debug:
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
    try:
        code = app(args=arguments, prog_name=PROGRAM, standalone_mode=False)
    except (KeyboardInterrupt, Cancelled, typer.Abort):
        code = INTERRUPTED
    except _ClickException as error:
        complain(_usage(error, sys.argv[1:] if arguments is None else arguments))
        code = BAD_INPUT
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = OK
    except Exception as error:  # the face: nothing reaches a user as a traceback
        if debug:
            raise
        complain(_explain(error))
        code = BAD_INPUT
    if code == INTERRUPTED:
        complain("interrupted; no file was left half-written")
    sys.exit(code if isinstance(code, int) else OK)


def _explain(error: Exception) -> str:
    if isinstance(error, (InputError, OSError)):
        return one_line(error)
    if isinstance(error, MemoryError):
        return f"not enough memory ({one_line(error)}). Close other programs or use a smaller image"
    return (
        f"unexpected {type(error).__name__}: {one_line(error)}. "
        "Please report it, with what XRAY_LANDMARKS_DEBUG=1 prints"
    )


def _usage(error, arguments: list[str]) -> str:
    """What is wrong with an option or argument, with the value that was given."""
    context, options = getattr(error, "ctx", None), getattr(getattr(error, "param", None), "opts", ())
    given = [b for a, b in zip(arguments, arguments[1:], strict=False) if a in options]
    given += [a.partition("=")[2] for a in arguments if a.partition("=")[0] in options and "=" in a]
    value = f" (given: {', '.join(given)})" if given else ""
    path = context.command_path if context is not None else PROGRAM
    return f"{error.format_message().rstrip('.')}{value}. See {path} --help"
