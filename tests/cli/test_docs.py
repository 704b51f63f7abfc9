"""The documentation names commands and options that exist."""

import re
import shlex
from pathlib import Path

import pytest
import typer

from napari_xray_landmarks.cli import app

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
CODE = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)


def documented_commands():
    for page in PAGES:
        for block in CODE.findall(page.read_text(encoding="utf-8")):
            for line in block.splitlines():
                if line.startswith("xray-landmarks "):
                    yield pytest.param(line, id=f"{page.name}: {line[:50]}")


@pytest.mark.parametrize("line", list(documented_commands()))
def test_documented_commands_exist(line):
    _, name, *arguments = shlex.split(line, comments=True)
    command = typer.main.get_command(app).commands[name]
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    unknown = [a for a in arguments if a.startswith("-") and a.partition("=")[0] not in known]
    assert not unknown, f"{name} has no {', '.join(unknown)}"
