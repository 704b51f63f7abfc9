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
    from ..shape.segmentation import Segmentation

FILM = "pelvis"
METHOD = "joint-displacement"  # needs nothing that is installed on request only
SUBJECT = 1000
"""A phantom that no bundled model has seen in training."""
OUTLINED = ("pelvis", "proximal-femur")
"""Films whose bones are outlined: the first one for which there is a model."""


def demo(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Folder to write to.")] = Path(
        "demo-output"
    ),
    window: Annotated[bool, typer.Option("--window/--no-window", help="Open napari if there is a display.")] = True,
    quiet: QuietOption = False,
    device: DeviceOption = Device.auto,
    seed: SeedOption = None,
) -> None:
    """Make a phantom radiograph, detect its landmarks and outline its bones, write and show the result."""
    check_device(device)
    output.mkdir(parents=True, exist_ok=True)
    subject = SUBJECT + (seed or 0)
    with progress_bar("Demo", quiet) as progress:
        answer, files = _detect(output, subject, lambda f, stage="": progress(0.5 * f, stage))
        outlined = _segment(output, subject, lambda f, stage="": progress(0.5 + 0.5 * f, stage))
    say(answer, quiet)
    if outlined is not None:
        say(outlined[0], quiet)
        files |= outlined[1]
    say("Written:\n" + "\n".join(f"  {what:<27} {path}" for what, path in files.items()), quiet)
    if window:
        shown = ("radiograph", "radiograph of the outlines", "Slicer markups", "Slicer markups, outlines")
        _show([files[what] for what in shown if what in files], quiet)


def _detect(folder: Path, subject: int, progress) -> tuple[str, dict[str, Path]]:
    """Landmarks in a phantom's film: what to say, and the files by what they are."""
    from ..phantoms import film

    progress(0.0, "making a phantom radiograph")
    phantom = film(FILM, subject)
    model = bundled_model(FILM)
    progress(0.4, f"detecting with {model.header.name}")
    detection = model.detect(phantom.radiograph, progress=lambda f, stage="": progress(0.4 + 0.5 * f, stage))
    progress(0.9, "writing")
    files = _write(folder, phantom.radiograph, detection.landmarks)
    return _answer(phantom, detection.landmarks, model), files


def _segment(folder: Path, subject: int, progress) -> tuple[str, dict[str, Path]] | None:
    """Outlines in a phantom's film, as `_detect`; None without a model that can."""
    from ..models import list_models
    from ..phantoms import SCHEMAS, film

    able = {header.anatomy for header in list_models("segment", dimensions=2) if header.method == METHOD}
    name = next((name for name in OUTLINED if SCHEMAS[name].anatomy in able), None)
    if name is None:
        return None
    progress(0.0, "making a phantom radiograph")
    phantom = film(name, subject)
    model = bundled_model(SCHEMAS[name].anatomy, "segment")
    progress(0.3, f"segmenting with {model.header.name}")
    found = model.segment(phantom.radiograph, progress=lambda f, stage="": progress(0.3 + 0.5 * f, stage))
    progress(0.8, "writing")
    return _outlines_answer(phantom, found, model), _write_outlines(folder, name, phantom.radiograph, found)


def bundled_model(anatomy: str, task: str = "detect") -> "Model":
    """The bundled model of `METHOD` for films of that anatomy that can do a task.

    Raises
    ------
    ModelError
        There is none.
    """
    from ..models import list_models, load_model

    for header in list_models(task, dimensions=2):
        if header.anatomy == anatomy and header.method == METHOD:
            return load_model(header.name)
    raise ModelError(anatomy, "there is no bundled model of this anatomy", "Reinstall the package")


def _write(folder: Path, radiograph: "Radiograph", landmarks: "LandmarkSet") -> dict[str, Path]:
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


def _write_outlines(folder: Path, name: str, radiograph: "Radiograph", found: "Segmentation") -> dict[str, Path]:
    from ..io import write_volume
    from .overlay import write_overlay
    from .segmented import Segmented, write_labels, write_markups, write_tables

    image, own = folder / f"{name}.nrrd", {}
    if name != FILM:  # otherwise it is written already
        own["radiograph of the outlines"] = image
        write_volume(image, radiograph)
    one = Segmented(image.name, found, radiograph.spacing_mm)
    table, measures = write_tables(folder / "contours.csv", [one])
    files = {**own, "table of outlines": table, "table of measures": measures,
             "Slicer markups, outlines": folder / "contours.mrk.json", "mask": folder / "labels.nii.gz",
             "picture of the outlines": folder / "contours.png"}
    write_markups(files["Slicer markups, outlines"], one)
    write_labels(files["mask"], radiograph, one)
    write_overlay(files["picture of the outlines"], radiograph, title=f"Phantom {name}", segmentation=found)
    return files


def _outlines_answer(phantom, found: "Segmentation", model: "Model") -> str:
    """What was found, and how far each outline is from the phantom's known one."""
    from ..shape.distances import point_to_curve
    from ..shape.measures import measures, summary

    unit, scale = phantom.radiograph.unit, phantom.radiograph.scale
    truth = {contour.name: contour for contour in phantom.contours}
    parts = [f"{summary(found)} with {model.header.name}"]
    for bone in found.bones:
        if bone.found and (true := truth.get(bone.bone)) is not None:
            error = point_to_curve(bone.points_px * scale, true.points * scale, closed=true.closed).mean()
            parts.append(f"{bone.bone}: mean distance from the phantom's true outline {error:.2f} {unit}")
    heads = [m for m in measures(found, phantom.radiograph.spacing_mm) if m.kind != "contour" and m.found]
    if len(heads) == 1 and len(found.circles) == 1:
        parts.append(f"{heads[0].structure}: radius {heads[0].radius:.1f} {unit}, in truth "
                     f"{phantom.head_radius_mm:.1f} mm")
    return "; ".join(parts)


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
