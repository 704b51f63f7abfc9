"""Small disks that fill up, become read-only, or vanish, under everything that writes."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import _fault_victims as victims
from _fault_kills import CALM_S, TEMPORARY, victim

Came = tuple[str, str, bool]
"""The trouble, what came of it, and whether it is as it should be."""


def can_mount() -> bool:
    """Whether small file systems can be made here."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0 or not shutil.which("mount"):
        return False
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], capture_output=True)
        if done.returncode == 0:
            subprocess.run(["umount", folder], check=True)
        return done.returncode == 0


@contextmanager
def disk(folder: Path, kib: int) -> Iterator[Callable[[str], None]]:
    """A file system of so many KiB at a folder; gives `change(options)`, which mounts it anew."""
    folder.mkdir(exist_ok=True)
    _mount("-t", "tmpfs", "-o", f"size={kib}k", "tmpfs", str(folder))
    try:
        yield lambda options: _mount("-o", f"remount,{options}", str(folder))
    finally:
        subprocess.run(["umount", "-l", str(folder)], capture_output=True)


def _mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True, capture_output=True)


def refused(folder: Path) -> list[str]:
    """Kinds of output that are neither whole nor refused in one line, or leave a temporary file or a spoilt old one."""
    from napari_xray_landmarks.errors import InputError

    wrong, values = [], victims._values(2)
    for name, (write, read) in victims.WRITERS.items():
        path = folder / name
        before = path.read_bytes() if path.exists() else None
        try:
            write(path, values)
            wrong += [] if read(path) is not None else [name]
        except InputError as error:
            wrong += [name] if "\n" in str(error) or str(path) not in str(error) else []
            after = path.read_bytes() if path.exists() else None
            wrong += [f"{name} changed"] if after != before else []
        except Exception as error:
            wrong.append(f"{name} raised {type(error).__name__}: {error}")
    return wrong + [path.name for path in folder.iterdir() if path.name.startswith(TEMPORARY)]


def full_disk(folder: Path) -> Came:
    """Outputs onto a disk with less and less room: old files stay, one line each."""
    wrong = []
    with disk(folder / "disk", 800):
        for name, (write, _) in victims.WRITERS.items():
            write(folder / "disk" / name, victims._values(1))
        for room in (0, 4, 8, 12, 16, 24):
            _fill(folder / "disk", room)
            wrong += refused(folder / "disk")
    return "full disk, every kind of output", ", ".join(wrong) or "one line, old files whole, nothing left", not wrong


def read_only_disk(folder: Path) -> Came:
    """Outputs onto a disk that became read-only."""
    with disk(folder / "disk", 2048) as change:
        for name, (write, _) in victims.WRITERS.items():
            write(folder / "disk" / name, victims._values(1))
        change("ro")
        wrong = refused(folder / "disk")
    return "read-only, every kind of output", ", ".join(wrong) or "one line, old files whole, nothing left", not wrong


def vanished_disk(folder: Path) -> Came:
    """Outputs into a folder whose share is gone."""
    from napari_xray_landmarks.errors import InputError

    with disk(folder / "disk", 2048):
        (folder / "disk" / "out").mkdir()
    wrong = []
    for name, (write, _) in victims.WRITERS.items():
        try:
            write(folder / "disk" / "out" / name, victims._values(1))
            wrong.append(name)
        except InputError as error:
            wrong += [name] if "\n" in str(error) else []
    return "vanished share, every kind of output", ", ".join(wrong) or "one line each", not wrong


def marking_on(trouble: Callable, back: Callable, what: str) -> Callable[[Path], Came]:
    """Annotation while a disk is in trouble: it says so, keeps everything in memory, and saves it when all is well."""

    def measure(folder: Path) -> Came:
        from napari_xray_landmarks.training.annotations import open_annotations

        with disk(folder / "disk", 400) as change:
            victims.prepare_marking(folder / "disk")
            opened = open_annotations(folder / "disk", "ann")
            opened.mark("0.png", "a", (1.0, 1.0))
            _wait(lambda: opened.saved)
            trouble(folder / "disk", change)
            for number in range(500):
                opened.mark(f"{number % 3}.png", f"name-{number}", (float(number), 2.0))
            told = opened.problem
            back(folder / "disk", change)
            _wait(lambda: opened.saved and not opened.problem)
            opened.close()
            again = open_annotations(folder / "disk", "ann")
            kept = sum(len(again.marks(f"{number}.png")) for number in range(3))
            again.close()
        fine = bool(told) and "\n" not in told and kept == 501
        return what, f"told, {kept} of 501 marks saved in the end", fine

    return measure


def read_only_set(folder: Path) -> Came:
    """A set on a read-only disk cannot be annotated, and says so."""
    from napari_xray_landmarks.errors import InputError
    from napari_xray_landmarks.training.annotations import open_annotations

    with disk(folder / "disk", 400) as change:
        victims.prepare_marking(folder / "disk")
        change("ro")
        try:
            open_annotations(folder / "disk", "ann")
            told = ""
        except InputError as error:
            told = str(error)
    return "read-only, annotating", "one line", bool(told) and "\n" not in told


def training_on_full_disk(folder: Path) -> Came:
    """A run that fills its disk ends, and goes on to the same model where there is room."""
    (folder / "calm").mkdir()
    victim("train", folder / "calm").communicate(timeout=CALM_S)
    wanted = (folder / "calm" / "model.safetensors").read_bytes()
    with disk(folder / "disk", 6000) as change:
        first = victim("train", folder / "disk")
        first.communicate(timeout=CALM_S)
        strays = [path.name for path in (folder / "disk").rglob(".*")]
        change("size=40000k")
        victim("train", folder / "disk").communicate(timeout=CALM_S)
        model = folder / "disk" / "model.safetensors"
        same = model.exists() and model.read_bytes() == wanted
    fine = first.returncode != 0 and not strays and same
    return "full disk, training", "ended, went on to the same bytes" if fine else f"same: {same}, {strays}", fine


def _fill(folder: Path, room_kib: int = 0) -> None:
    """Leave so much room on a disk."""
    with open(folder / "ballast", "wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)) == 4096:
                pass
        except OSError:
            pass
        file.truncate(max(0, file.tell() - 1024 * room_kib))


def _wait(is_done: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not is_done() and time.monotonic() < end:
        time.sleep(0.05)


DISKS = (
    full_disk, read_only_disk, vanished_disk, training_on_full_disk,
    marking_on(lambda f, change: _fill(f), lambda f, change: (f / "ballast").unlink(), "full disk, annotating"),
    read_only_set,
)
