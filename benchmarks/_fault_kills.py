"""Programs killed at random moments: what they left behind is whole, and they go on to the same end."""

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import _fault_victims as victims
from napari_xray_landmarks.imaging import Radiograph
from napari_xray_landmarks.landmarks import LandmarkSet

HERE = Path(__file__).resolve().parent
CALM_S = 120.0
TEMPORARY = "."


@dataclass
class Kills:
    """What a program left behind that was killed so many times.

    Attributes
    ----------
    what
    kills
    checked
        Files that were read, or marks that were looked up, after a kill.
    corrupt
        Files that could not be read, or were neither of the two versions; marks that were lost.
    strays
        Hidden temporary files that were left.
    same
        Whether it ended, at last, as if it had never been killed; None where it has no end.
    """

    what: str
    kills: int = 0
    checked: int = 0
    corrupt: int = 0
    strays: int = 0
    same: bool | None = None


def left_behind(folder: Path) -> int:
    """How many hidden temporary files there are."""
    return sum(path.name.startswith(TEMPORARY) for path in folder.iterdir())


def victim(name: str, folder: Path, **options) -> subprocess.Popen:
    """A program of `_fault_victims`, as a process."""
    return subprocess.Popen([sys.executable, str(HERE / "_fault_victims.py"), name, str(folder)], text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, **options)


def killed_at(process: subprocess.Popen, lines: int, rest_s: float) -> list[str]:
    """Kill a process once it has said so many lines, and a moment later; all that it said. Nothing is killed that
    ended before."""
    said = []
    for line in process.stdout:
        said.append(line.strip())
        if len(said) > lines:
            break
    time.sleep(rest_s)
    process.kill()
    said += [line.strip() for line in process.stdout.read().splitlines()]
    process.wait()
    return said


def killed_writing(folder: Path, kills: int, rng: np.random.Generator) -> Kills:
    """Every kind of output, replaced again and again: what is there is one of the two versions, and whole."""
    tally = Kills("writing every kind of output")
    whole = _contents(folder)
    for _ in range(kills):
        killed_at(victim("write", folder), int(rng.integers(3)), float(rng.uniform(0, 0.3)))
        tally.kills += 1
        for name, (_, read) in victims.WRITERS.items():
            tally.checked += 1
            try:
                read(folder / name)
                tally.corrupt += (folder / name).read_bytes() not in whole[name]
            except Exception as error:
                print(f"{name}: {error}", flush=True)
                tally.corrupt += 1
    tally.strays = left_behind(folder)
    return tally


def _contents(folder: Path) -> dict[str, list[bytes]]:
    """The bytes of both versions of each file."""
    found: dict[str, list[bytes]] = {name: [] for name in victims.WRITERS}
    for version in (1, 2):
        values = victims._values(version)
        for name, (write, _) in victims.WRITERS.items():
            write(folder / name, values)
            found[name].append((folder / name).read_bytes())
    return found


def killed_marking(folder: Path, kills: int, rng: np.random.Generator) -> Kills:
    """Annotation: every mark that was acknowledged is there when the set is opened again."""
    from napari_xray_landmarks.training.annotations import open_annotations

    tally = Kills("annotating (journal and tables)")
    victims.prepare_marking(folder)
    for _ in range(kills):
        said = killed_at(victim("mark", folder), int(rng.integers(1, 60)), float(rng.uniform(0, 0.1)))
        last = {tuple(line.split()[:2]): int(line.split()[2]) for line in said if len(line.split()) == 3}
        opened = open_annotations(folder, "ann")
        try:
            for (film, name), number in last.items():
                tally.checked += 1
                tally.corrupt += not opened.marks(film).get(name, (0,))[0] >= number
        finally:
            opened.close()
        tally.kills += 1
    return tally


def killed_training(folder: Path, kills: int, rng: np.random.Generator) -> Kills:
    """A run of stages: it goes on, and ends in the very bytes of a run that nobody stopped."""
    tally = Kills("training in stages")
    victim("train", folder).communicate(timeout=CALM_S)
    wanted = (folder / "model.safetensors").read_bytes()
    for _ in range(kills):
        (folder / "model.safetensors").unlink(missing_ok=True)
        killed_at(victim("train", folder), int(rng.integers(0, 12)), float(rng.uniform(0, 0.05)))
        tally.kills += 1
        _look_at_stages(tally, folder / "run")
    victim("train", folder).communicate(timeout=CALM_S)
    tally.same = (folder / "model.safetensors").read_bytes() == wanted
    tally.strays = left_behind(folder)
    return tally


def _look_at_stages(tally: Kills, run: Path) -> None:
    from safetensors.numpy import load_file

    for path in run.glob("stage-*") if run.exists() else ():
        tally.checked += 1
        try:
            load_file(path)
        except Exception:
            tally.corrupt += 1


def killed_learning(folder: Path, kills: int, rng: np.random.Generator) -> Kills:
    """`train spine`: a network's run goes on, and ends in the very bytes of a training that nobody stopped."""
    tally = Kills("train (a network, epoch by epoch)")
    spines(folder / "set")
    usual, wanted = _in_peace(learning(folder, "wanted")), (folder / "wanted.safetensors").read_bytes()
    model = folder / "killed.safetensors"
    while tally.kills < max(1, kills // 5):
        if killed_after(learning(folder, "killed"), float(rng.uniform(0.3, 1.0)) * usual):
            tally.kills += 1
        _look_at_stages(tally, model.with_suffix(".run"))
        if model.exists():
            tally.checked += 1
            tally.corrupt += model.read_bytes() != wanted
            model.unlink()
    _in_peace(learning(folder, "killed"))
    tally.same = model.read_bytes() == wanted
    tally.strays = left_behind(folder)
    return tally


def spines(folder: Path, count: int = 12) -> None:
    """Small films of phantom spines with their corners, to train on."""
    from napari_xray_landmarks.phantoms import film
    from napari_xray_landmarks.training.writing import SourceFilm, write_training_set

    films = []
    for number in range(count):
        made = film("spine", number)
        small = Radiograph(np.ascontiguousarray(made.radiograph.pixels[::4, ::4]))
        marks = LandmarkSet(made.landmarks.names, made.landmarks.points / 4)
        films.append(SourceFilm(f"spine-{number}", small, {"": marks}))
    write_training_set(folder, films, about={"anatomy": "spine"})


def learning(folder: Path, output: str) -> subprocess.Popen:
    """The published network of the spine, for a few passes."""
    settings = {"network": "as published", "rows": 128, "corner_epochs": 8, "held_out": 0}
    return _command("train", "spine", "--data", folder / "set", "-o", folder / f"{output}.safetensors", "--quiet",
                    *(part for key, value in settings.items() for part in ("--set", f"{key}={value}")))


def killed_detecting(folder: Path, kills: int, rng: np.random.Generator) -> Kills:
    """`detect --workers 2`: it goes on with what is missing, and ends in the same files."""
    from napari_xray_landmarks.phantoms import film

    tally = Kills("detect, two workers")
    (folder / "films").mkdir()
    for number in range(8):
        pixels = film("proximal-femur", number).radiograph.pixels[::4, ::4]
        victims.write_png(folder / "films" / f"{number}.png", (255 * (pixels / pixels.max())).astype(np.uint8))
    usual = min(_in_peace(detecting(folder, name)) for name in ("wanted", "again"))
    wanted = _results(folder / "wanted")
    while tally.kills < max(1, kills // 5):
        was_killed = killed_after(detecting(folder, "killed"), float(rng.uniform(0.3, 1.0)) * usual)
        tally.kills += was_killed
        for name, data in _results(folder / "killed").items() if (folder / "killed").exists() else ():
            tally.checked += 1
            tally.corrupt += wanted.get(name) != data
        if not was_killed:  # it is done: begin anew
            shutil.rmtree(folder / "killed")
    _in_peace(detecting(folder, "killed"))
    tally.same = _results(folder / "killed") == wanted
    tally.strays = left_behind(folder / "killed")
    return tally


def detecting(folder: Path, output: str) -> subprocess.Popen:
    """`detect` of all films with two processes."""
    return _command("detect", folder / "films", "-m", "proximal-femur-ap", "-o", folder / output, "--workers", "2",
                    "--quiet", "--device", "cpu", "--set", "patches=100")


def _command(*arguments) -> subprocess.Popen:
    """A command of the program, in a process group of its own."""
    return subprocess.Popen([sys.executable, "-m", "napari_xray_landmarks", *map(str, arguments)],
                            start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _in_peace(process: subprocess.Popen) -> float:
    """Let a process end; the seconds it took."""
    started = time.perf_counter()
    if process.wait(timeout=10 * CALM_S):
        raise SystemExit(f"{' '.join(process.args[2:5])} ended with {process.returncode}")
    return time.perf_counter() - started


def killed_after(process: subprocess.Popen, seconds: float) -> bool:
    """Kill a process and those that it began after a while; whether it had not ended by then."""
    time.sleep(seconds)
    alive = process.poll() is None
    if alive:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return alive


def _results(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()
            if path.is_file() and not path.name.startswith(("manifest", TEMPORARY))}
