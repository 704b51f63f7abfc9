"""What README and documentation tell to type can be typed, and what they point to is there, pictures with words."""

import re
import shlex
import sys
from pathlib import Path

import pytest
import typer

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

from walk_tutorials import MAKE, PAGES, SAMPLES, lines_of  # noqa: E402

from napari_xray_landmarks.cli import app  # noqa: E402

COMMANDS = [line for page in PAGES for line in lines_of(page, (ROOT / page).read_text(encoding="utf-8"))
            if line.command.startswith("xray-landmarks ")]
LINK = re.compile(r"(?P<picture>!?)\[(?P<text>[^\]]*)\]\((?P<target>[^)#\s]*)(?:#(?P<place>[^)\s]*))?\)")


def parse(command: str) -> None:
    """Let the command line read its words, and do nothing: a word that it does not know ends it."""
    _, name, *words = shlex.split(command)
    group = typer.main.get_command(app)
    group.commands[name].make_context(name, words, resilient_parsing=False)


@pytest.mark.parametrize("line", COMMANDS, ids=lambda line: f"{line.page}:{line.number}")
def test_a_documented_command_can_be_typed(line):
    parse(line.command)


def test_a_word_that_no_command_knows_would_be_found():
    with pytest.raises(Exception, match="No such option"):
        parse("xray-landmarks detect film.dcm --model pelvis-ap --colour red")


def test_many_commands_are_walked_and_their_data_can_be_made():
    assert len(COMMANDS) > 60 and sum(not line.reason for line in COMMANDS) > 30
    making = [command for command in MAKE.strip().splitlines() if command.startswith("xray-landmarks ")]
    for command in making:
        parse(command)
    made = {words[words.index("-o") + 1] for words in map(shlex.split, making)} | {"spine.png"}
    assert {source.partition("/")[0] for source in SAMPLES.values()} <= made


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere_and_pictures_say_what_they_show(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    for link in LINK.finditer(re.sub(r"```.*?```", "", text, flags=re.S)):
        target = (ROOT / page).parent / link["target"] if link["target"] else ROOT / page
        if re.match(r"\w+:", link["target"]) or target.name == "models.md":  # made by `make docs`
            continue
        assert target.exists(), f"{link['target']} is not there"
        assert not link["picture"] or len(link["text"]) > 10, f"{link['target']} has no description"
        if link["place"] and target.suffix == ".md":
            assert link["place"] in places_in(target), f"{link['target']} has no heading #{link['place']}"


def places_in(page: Path) -> set[str]:
    """The names of a page's headings in links."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", re.sub(r"[`*]", "", heading).lower()).replace(" ", "-") for heading in headings}


def test_every_page_is_in_the_contents():
    docs, listed, todo = ROOT / "docs", {"index"}, ["index"]
    while todo:
        text = (docs / f"{todo.pop()}.md").read_text(encoding="utf-8")
        inside = re.findall(r"^[\w-]+$", "\n".join(re.findall(r"```\{toctree\}(.*?)```", text, re.S)), re.M)
        todo += [name for name in inside if name not in listed and name != "models"]
        listed |= set(inside)
    pages = {page.stem for page in docs.glob("*.md")} - {"models-introduction"}
    assert pages <= listed, f"not in the contents: {pages - listed}"
