"""Walk through README and documentation as a newcomer does: every command of theirs, one page after the other.

    python scripts/walk_tutorials.py [--only README docs/spine] [-o runs/walk] [--list]

Each page gets a folder with the sample data that its commands name (`SAMPLES`), made by the package itself, and its
blocks are run there, line by line, with what the lines before have left. A block that needs more than a sample (other
people's data, a cluster, hours) is marked in its page by a comment in the line before it, which gives the reason, and
the words of the lines that it is about where it is not for all of them:

    <!-- not walked (--scheduler, dates.csv): needs a cluster -->

Times and outcomes are printed and written to `walk.csv`; a line that fails ends the page, and the walk ends with 1.
"""

import argparse
import csv
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = ["README.md", *sorted(f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md") if page.name != "models.md")]
OURS = ("xray-landmarks ", "python ")
BLOCK = re.compile(r"(?:<!-- not walked ?(?:\((?P<words>[^)]*)\))?: (?P<reason>[^>]*?) -->\s*)?"
                   r"^```(?P<kind>\w*)\n(?P<text>.*?)^```", re.M | re.S)
LONGEST_S = 1800

PICTURE = ('p = x.load_image("spine/radiograph.nrrd").pixels; p = (p - p.min()) * (65535.0 / (p.max() - p.min())); '
           'i.fromarray(p.astype("uint16")).save("spine.png")')
CONTOURS = ('import pathlib; from napari_xray_landmarks import io; folder = pathlib.Path("contours"); '
            '[io.write_contours(p, io.read_contours(p)[:1]) for p in folder.glob("*.mrk.json")]; '
            '[p.unlink() for p in folder.glob("*.csv")]')
MAKE = f"""
xray-landmarks sample pelvis -o pelvis-7 --subject 7
xray-landmarks sample proximal-femur -o femur --subject 107
xray-landmarks sample proximal-femur -o my-films --films 10
xray-landmarks segment my-films/images --model proximal-femur-ap -o contours
python {CONTOURS}
xray-landmarks sample knee -o knee
xray-landmarks sample spine -o spine
xray-landmarks simulate pelvis-7/ct.nii.gz -o seen --landmarks pelvis-7/landmarks.mrk.json --view ap --png
xray-landmarks simulate pelvis-7/ct.nii.gz -o plate --view ap --png --size 2063x2649 --pixel-mm 0.143
python import napari_xray_landmarks as x, PIL.Image as i; {PICTURE}
xray-landmarks train joint-displacement --data my-films -o mine.safetensors --set train_patches=500 --set components=16
"""
SAMPLES = {
    "film.dcm": "seen/view_000.dcm", "film.png": "plate/view_000.png", "film.csv": "seen/view_000.csv",
    "film.json": "seen/view_000.json", "view_000.json": "seen/view_000.json", "found.csv": "seen/view_000.csv",
    "fluoro.dcm": "seen/view_000.dcm", "fluoro.png": "seen/view_000.png", "films/view_000.dcm": "seen/view_000.dcm",
    "ct.nii.gz": "pelvis-7/ct.nii.gz", "labels.nii.gz": "pelvis-7/labels.nii.gz",
    "points.mrk.json": "pelvis-7/landmarks.mrk.json", "ct.mrk.json": "pelvis-7/landmarks.mrk.json",
    "ct-landmarks.mrk.json": "pelvis-7/landmarks.mrk.json", "views": "seen", "pelvis-7": "pelvis-7",
    "my-films": "my-films", "my-contours": "contours", "knee.nii.gz": "knee/image.nii.gz",
    "knees/1.nii.gz": "knee/image.nii.gz", "volume.nii.gz": "knee/image.nii.gz", "spine.png": "spine.png",
    "corners.csv": "spine/radiograph.csv", "mine.safetensors": "mine.safetensors", "validation": "my-films",
    "geometry/view_000.json": "seen/view_000.json", "spines/landmarks.csv": "spine/radiograph.csv",
    "scans/1.nii.gz": "pelvis-7/ct.nii.gz", "labels/1.nii.gz": "knee/labels.nii.gz",
    "truth/1.nii.gz": "knee/labels.nii.gz",
}
"""What pages call the data that they work on, and which sample stands for it."""


@dataclass(frozen=True)
class Line:
    """A command of a page; `reason` says why it is not walked."""

    page: str
    number: int
    command: str
    reason: str = ""


def main() -> None:
    options = _options()
    chosen = [page for page in PAGES if not options.only or any(page.startswith(word) for word in options.only)]
    lines = [line for page in chosen for line in lines_of(page, (ROOT / page).read_text(encoding="utf-8"))]
    if options.list:
        for line in lines:
            print(f"{line.page}:{line.number}  {line.command}{line.reason and f'  ({line.reason})'}")
        return
    folder = Path(options.output).resolve()
    kit = prepared(folder / "samples")
    rows = [row for page in chosen for row in walk([line for line in lines if line.page == page], kit, folder)]
    with open(folder / "walk.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("page", "line", "command", "seconds", "outcome"), *rows])
    walked = [row for row in rows if row[3] != ""]
    failed = [row for row in walked if row[4]]
    print(f"{len(walked)} commands of {len(chosen)} pages in {sum(float(row[3]) for row in walked):.0f} s, "
          f"{len(rows) - len(walked)} not walked, {len(failed)} failed")
    sys.exit(bool(failed))


def lines_of(page: str, text: str) -> list[Line]:
    """The commands in a page's blocks, each with the line where it stands."""
    found = []
    for block in BLOCK.finditer(text):
        if block["kind"] not in ("", "sh", "python"):
            continue
        first = text[:block.start("text")].count("\n") + 1
        if block["kind"] == "python":
            found.append(Line(page, first, f"python {_one_line(block['text'])}", block["reason"] or ""))
            continue
        words = [word.strip() for word in (block["words"] or "").split(",")]
        for number, line in enumerate(block["text"].splitlines(), start=first):
            if line.startswith(OURS):
                reason = block["reason"] if block["reason"] and any(word in line for word in words) else ""
                found.append(Line(page, number, re.sub(r"\s+# .*$", "", line).strip(), reason))
    return found


def prepared(kit: Path) -> Path:
    """The folder with the samples, made where they are not there yet."""
    if not (kit / "made").is_file():
        shutil.rmtree(kit, ignore_errors=True)
        kit.mkdir(parents=True)
        for command in MAKE.strip().splitlines():
            seconds, outcome = run(command, kit)
            print(f"{seconds:7.1f} s  {command}", flush=True)
            if outcome:
                raise SystemExit(f"the samples cannot be made: {outcome}")
        (kit / "made").touch()
    return kit


def walk(lines: list[Line], kit: Path, folder: Path) -> list[tuple]:
    """Run a page's commands in a folder of its own: (page, line, command, seconds, what went wrong) of each."""
    rows, where = [], None
    for line in lines:
        if line.reason:
            rows.append((line.page, line.number, line.command, "", line.reason))
            continue
        where = where or laid_out(kit, folder / Path(line.page).stem)
        seconds, outcome = run(line.command, where)
        said = f"  FAILED: {outcome}" if outcome else ""
        print(f"{seconds:7.1f} s  {line.page}:{line.number}  {line.command}{said}", flush=True)
        rows.append((line.page, line.number, line.command, f"{seconds:.1f}", outcome))
        if outcome:
            break
    return rows


def laid_out(kit: Path, where: Path) -> Path:
    """A fresh folder with the samples under the names that pages use."""
    shutil.rmtree(where, ignore_errors=True)
    for name, source in SAMPLES.items():
        target = where / name
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if (kit / source).is_dir() else shutil.copyfile)(kit / source, target)
    return where


def run(command: str, where: Path) -> tuple[float, str]:
    """Seconds of a command, and the last line that it said where it failed."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    begin = time.perf_counter()
    if command.startswith("python "):
        words = [sys.executable, "-c", command.removeprefix("python ").replace("⏎", "\n")]
    else:
        words = ["sh", "-c", command]
    try:
        done = subprocess.run(words, cwd=where, env=os.environ | {"PATH": path}, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=LONGEST_S)
    except subprocess.TimeoutExpired:
        return time.perf_counter() - begin, f"longer than {LONGEST_S} s"
    said = (done.stderr.strip() or done.stdout.strip() or "no word").splitlines()[-1]
    return time.perf_counter() - begin, f"{done.returncode}: {said}" if done.returncode else ""


def _one_line(text: str) -> str:
    return text.strip().replace("\n", "⏎")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", default=[], metavar="PAGE", help="how the pages' names begin")
    parser.add_argument("-o", "--output", default=ROOT / "runs" / "walk", help="where everything is made")
    parser.add_argument("--list", action="store_true", help="print the commands and run nothing")
    return parser.parse_args()


if __name__ == "__main__":
    main()
