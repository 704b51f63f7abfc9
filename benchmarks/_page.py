"""docs/benchmarks.md: each script writes its own section, and the table of targets that opens the page is gathered."""

import argparse
import datetime
import os
import platform
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from napari_xray_landmarks import __version__
from napari_xray_landmarks.io.files import replacing

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("XRAY_LANDMARKS_DATA", ROOT.parent / "shared" / "data"))
PAGE = ROOT / "docs" / "benchmarks.md"
SECTIONS = ("targets", "solver", "large-film", "cephalograms", "phantoms", "segmentation", "morphing", "drr",
            "simulator", "surfaces", "phantom-volumes", "cobb", "spine", "shape", "correspondences", "pose",
            "view-invariant", "belief-networks", "reliability", "registration", "knee", "pelvic-mri", "absent",
            "foreign-films", "scale", "startup")
LIBRARIES = ("numpy", "scipy", "numba", "scikit-learn")
_TARGET = re.compile(r"^<!-- target \| (.*) -->$", re.MULTILINE)
_HEAD = """# Accuracy and speed

Every number here is written by a script in `benchmarks/` that anyone can run; `make bench` runs all of them. Films are
searched with no initial position given. Targets that are missed are marked so.
"""


@dataclass(frozen=True)
class Target:
    """What was aimed at, and what was measured.

    Parameters
    ----------
    what, aim, measured
    met
        Whether the measured value is within the aim.
    always
        False where only the typical value is, and the worst is not.
    """

    what: str
    aim: str
    measured: str
    met: bool
    always: bool = True

    @property
    def verdict(self) -> str:
        if not self.met:
            return "**no**"
        return "yes" if self.always else "in part"


def arguments(about: str) -> argparse.ArgumentParser:
    """A parser with the options of every benchmark."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--dry", action="store_true", help="print the results, leave docs/benchmarks.md as it is")
    return parser


def write_section(name: str, title: str, blocks: Sequence[str], targets: Sequence[Target], *, dry: bool,
                  how: str = "all threads") -> None:
    """Print a section and, unless `dry`, put it into the page between its markers.

    Parameters
    ----------
    name
        One of `SECTIONS`.
    title
        Its heading.
    blocks
        Paragraphs and tables.
    targets
        Which rows it adds to the table that opens the page.
    dry
        Only print.
    how
        The cores were used.
    """
    notes = [f"<!-- target | {t.what} | {t.aim} | {t.measured} | {t.verdict} -->" for t in targets]
    body = "\n\n".join([f"## {title}", *blocks, f"<sub>{circumstances(how)}</sub>", "\n".join(notes)])
    print(body, flush=True)
    if dry:
        return
    page = PAGE.read_text(encoding="utf-8") if PAGE.exists() else _empty_page()
    page = _replaced(page, name, body)
    rows = [row.split(" | ") for section in SECTIONS[1:] for row in _TARGET.findall(_section(page, section))]
    page = _replaced(page, "targets", table(["what", "target", "measured", "met"], rows))
    with replacing(PAGE) as temporary:
        temporary.write_text(page, encoding="utf-8")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def circumstances(how: str) -> str:
    """Machine, date, versions and command, in a line."""
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    return (f"{datetime.date.today().isoformat()}, {_processor()}, {len(os.sched_getaffinity(0))} cores, {how}; "
            f"Python {platform.python_version()}, {libraries}; version {__version__}{_commit()}; "
            f"`{_command()}`")


def require_quiet(limit: float = 1.5) -> None:
    """Say so where other work runs on the machine: timings count only on a quiet one."""
    load = os.getloadavg()[0]
    print(f"load average {load:.2f}", flush=True)
    if load > limit:
        print(f"WARNING: above {limit}; these timings will be too long", flush=True)


def p_value(p: float) -> str:
    """As text."""
    return f"{p:.2f}" if p >= 0.1 else f"{p:.3f}" if p >= 0.001 else f"{p:.0e}"


def _command() -> str:
    hidden = {"--cache", "--peer", "--dry"}  # where things are kept on this machine does not matter
    words, skip = [], False
    for word in sys.argv[1:]:
        if skip or word in hidden:
            skip = word in ("--cache", "--peer")
        else:
            words.append(word)
    return " ".join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *words])


def _processor() -> str:
    try:
        facts = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor() or platform.machine()
    found = re.search(r"^model name\s*:\s*(.+)$", facts, re.MULTILINE)
    return found.group(1).strip() if found else platform.machine()


def _commit() -> str:
    """The commit, and whether the code was changed since; nothing outside a repository."""
    commit = _git("rev-parse", "--short", "HEAD")
    changed = " and changes" if _git("status", "--porcelain", "--", "src") else ""
    return f" ({commit}{changed})" if commit else ""


def _git(*words: str) -> str:
    try:
        run = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True)
    except OSError:
        return ""
    return run.stdout.strip() if run.returncode == 0 else ""


def _markers(name: str) -> tuple[str, str]:
    return f"<!-- {name}:begin -->", f"<!-- {name}:end -->"


def _empty_page() -> str:
    return _HEAD + "".join(f"\n{begin}\n{end}\n" for begin, end in map(_markers, SECTIONS))


def _section(page: str, name: str) -> str:
    begin, end = _markers(name)
    return page.partition(begin)[2].partition(end)[0]


def _replaced(page: str, name: str, body: str) -> str:
    begin, end = _markers(name)
    if begin not in page or end not in page:
        page = f"{page.rstrip()}\n\n{begin}\n{end}\n"
    before, _, rest = page.partition(begin)
    return f"{before}{begin}\n{body}\n{end}{rest.partition(end)[2]}"
