"""`demo`: the main job from end to end, on a phantom radiograph."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import ModelError
from .options import Device, DeviceOption, QuietOption, SeedOption, check_device
from .reporting import complain, progress_bar, say

if TYPE_CHECKING:
    from ..imaging import Radiograph
    from ..landmarks import LandmarkSet
    from ..models import Model

FILM = "pelvis"
SUBJECT = 1000
"""A phantom that no bundled model has seen in training."""


def demo(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Folder to write to.")] = Path(
        "demo-output"
    ),
    window: Annotated[bool, typer.Option("--window/--no-window", help="Open napari if there is a display.")] = True,
    quiet: QuietOption = False,
    device: DeviceOption = Device.auto,
    seed: SeedOption = None,
) -> None:
    """Make a phantom radiograph, detect its landmarks with a bundled model, write and show the result."""
    from ..phantoms import film

    check_device(device)
    output.mkdir(parents=True, exist_ok=True)
    with progress_bar("Demo", quiet) as progress:
        progress(0.0, "making a phantom radiograph")
        phantom = film(FILM, SUBJECT + (seed or 0))
        model = bundled_model(FILM)
        progress(0.2, f"detecting with {model.header.name}")
        detection = model.detect(phantom.radiograph, progress=lambda f, stage="": progress(0.2 + 0.7 * f, stage))
        progress(0.9, "writing")
        files = _write(output, phantom.radiograph, detection.landmarks, model)
    say(_answer(phantom, detection.landmarks, model), quiet)
    say("Written:\n" + "\n".join(f"  {what:<22} {path}" for what, path in files.items()), quiet)
    if window:
        _show([files["radiograph"], files["Slicer markups"]], quiet)


def bundled_model(anatomy: str) -> "Model":
    """The bundled model of that anatomy.

    Raises
    ------
    ModelError
        There is none.
    """
    from ..models import list_models, load_model

    for header in list_models():
        if header.anatomy == anatomy:
            return load_model(header.name)
    raise ModelError(anatomy, "there is no bundled model of this anatomy", "Reinstall the package")


def _write(folder: Path, radiograph: "Radiograph", landmarks: "LandmarkSet", model: "Model") -> dict[str, Path]:
    from ..io import save_landmarks, write_volume
    from .overlay import write_overlay

    files = {
        "radiograph": folder / f"{FILM}.nrrd",
        "table": folder / "landmarks.csv",
        "Slicer markups": folder / "landmarks.mrk.json",
        "picture to look at": folder / "landmarks.png",
    }
    write_volume(files["radiograph"], radiograph)
    for key in ("table", "Slicer markups"):
        name = files["radiograph"].name
        save_landmarks(files[key], landmarks, image_name=name, spacing_mm=radiograph.spacing_mm)
    title = f"Phantom {FILM}: {int(landmarks.detected.sum())} of {len(landmarks)} landmarks detected"
    write_overlay(files["picture to look at"], radiograph, landmarks, title)
    return files


def _answer(phantom, landmarks: "LandmarkSet", model: "Model") -> str:
    """How many were found, and how far they are from the phantom's known landmarks."""
    import numpy as np

    truth = np.array([phantom.landmarks[name] for name in landmarks.names])
    unit, scale = phantom.radiograph.unit, phantom.radiograph.scale
    errors = np.linalg.norm((landmarks.points - truth) * scale, axis=1)
    return (
        f"{int(landmarks.detected.sum())} of {len(landmarks)} landmarks detected with {model.header.name}; "
        f"distance from the phantom's true landmarks: mean {np.nanmean(errors):.2f} {unit}, "
        f"largest {np.nanmax(errors):.2f} {unit}"
    )


def _show(paths: list[Path], quiet: bool) -> None:
    from ..plugin.window import has_display, open_files

    if not has_display():
        say("No display, so napari is not opened. Open the files in napari or in 3D Slicer.", quiet)
        return
    say("Opening napari; close its window to return.", quiet)
    try:
        open_files(paths, "X-ray Landmarks: demo")
    except ImportError as error:
        complain(f"napari's window cannot open ({error}). Run: pip install 'napari-xray-landmarks[all]'")
