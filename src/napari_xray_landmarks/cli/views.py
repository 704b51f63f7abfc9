"""The work of `simulate`: one CT read, its views simulated and written with what is known about them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import FileError, InputError
from .inputs import named

if TYPE_CHECKING:
    from ..drr.collimation import Collimation
    from ..drr.exposure import Exposure
    from ..drr.scene import Scene
    from ..geometry.camera import CArm
    from ..imaging import Radiograph, Volume
    from ..landmarks import Contour, LandmarkSet
    from ..mesh import Mesh

Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class Request:
    """What to simulate of every CT.

    Parameters
    ----------
    arms
        One a view; their isocentre counts only where `isocentre_given`.
    isocentre_given
        Otherwise it is the middle of the landmarks, or of the CT.
    exposure
    collimation
    seed
        Of the noise.
    structures
        Label values to outline and their names; None for all that are bone.
    png
        Whether to write a picture of each film too.
    photometric
        "MONOCHROME2" or "MONOCHROME1".
    """

    arms: "tuple[CArm, ...]"
    isocentre_given: bool
    exposure: "Exposure"
    collimation: "Collimation | None" = None
    seed: int = 0
    structures: dict[int, str] | None = None
    png: bool = False
    photometric: str = "MONOCHROME2"


@dataclass(frozen=True, eq=False)
class Patient:
    """A CT ready to be simulated, and what is known about it in space."""

    ct: "Volume"
    scene: "Scene"
    landmarks: "LandmarkSet | None"
    surfaces: "tuple[Mesh, ...]"


def simulate_views(path: Path, folder: Path, request: Request, landmarks: Path | None, labels: Path | None,
                   progress: Progress) -> list[str]:
    """Simulate and write every view of one CT; gives a line about each."""
    from ..drr.projection import isocentre_of
    from ..io.files import stem

    progress(0.0, "reading")
    try:
        patient = read_patient(path, request, landmarks, labels)
    except InputError as error:
        own = error.subject == stem(path)  # what the CT read from there is called
        raise FileError(path, error.problem, error.remedy) if own else named(error, path) from error
    isocentre = None if request.isocentre_given else isocentre_of(patient.ct, patient.landmarks)
    folder.mkdir(parents=True, exist_ok=True)
    lines = [f"Note: {note}" for note in patient.scene.notes]
    for number, arm in enumerate(request.arms):
        progress(0.2 + 0.8 * number / len(request.arms), f"view {number + 1} of {len(request.arms)}")
        arm = arm if isocentre is None else replace(arm, isocentre_mm=isocentre)
        lines.append(write_view(folder, number, patient, arm, request, study=str(path.absolute())))
    return lines


def read_patient(path: Path, request: Request, landmarks: Path | None, labels: Path | None) -> Patient:
    """The CT of a file or folder with what is known about it.

    Raises
    ------
    InputError
        It is no CT, or landmarks and labels are not its own.
    """
    from ..drr.projection import label_names, label_surfaces, require_in_volume
    from ..drr.scene import scene
    from ..io import load_landmarks

    ct, label_image = _volume(path), None if labels is None else _volume(labels)
    points = None if landmarks is None else load_landmarks(landmarks)
    if points is not None:
        if points.points.shape[1] != 3 or points.unit != "mm":
            raise FileError(landmarks, "holds points of a film, not of a volume", "Give landmarks in space, in mm")
        require_in_volume(points, ct, landmarks)
    surfaces = ()
    if label_image is not None:
        present, names = label_names(label_image), request.structures
        if names is not None and (absent := sorted(set(names) - set(present))):
            raise FileError(labels, f"has no label {absent[0]}", f"It has {', '.join(map(str, present))}")
        surfaces = label_surfaces(label_image, label_names(label_image, ct) if names is None else names)
    return Patient(ct, scene(ct), points, surfaces)


def write_view(folder: Path, number: int, patient: Patient, arm: "CArm", request: Request, study: str) -> str:
    """Simulate one view and write its files; gives a line about it."""
    import numpy as np

    from ..drr.projection import misses, outlines, project_landmarks
    from ..drr.simulate import simulate as expose
    from ..geometry.views import view_name
    from ..io.dicom.writing import write_dx
    from ..io.geometry import save_geometry

    camera, stem = arm.camera(), folder / f"view_{number:03d}"
    rng = np.random.default_rng([request.seed, number])
    film = expose(patient.scene, arm, request.exposure, collimation=request.collimation, rng=rng)
    said = [view_name(arm.lao_deg, arm.cran_deg)]
    if patient.landmarks is not None:
        seen = project_landmarks(patient.landmarks, camera)
        write_landmarks(stem, seen, film)
        said.append(f"{int(seen.detected.sum())} of {len(seen)} landmarks on the film")
    if patient.surfaces:
        contours = outlines(patient.surfaces, camera)
        if contours:
            write_outlines(stem, contours, film)
        said.append(f"outlines of {len({c.name for c in contours})} structures")
    if misses(patient.ct, camera):
        said.append("the beam misses the CT: nothing is on the film")
    save_geometry(stem.with_suffix(".json"), arm)
    if request.png:
        write_png(stem.with_suffix(".png"), film)
    write_dx(stem.with_suffix(".dcm"), film, arm, study=study, number=number + 1, photometric=request.photometric)
    return f"{stem.with_suffix('.dcm')}: {', '.join(said)}"


def write_landmarks(stem: Path, landmarks: "LandmarkSet", film: "Radiograph") -> None:
    """Write projected landmarks in the detections' format; `detected` says which are on the film."""
    from ..io import save_landmarks

    save_landmarks(stem.with_suffix(".csv"), landmarks, image_name=f"{stem.name}.dcm", spacing_mm=film.spacing_mm)


def write_outlines(stem: Path, contours: "Sequence[Contour]", film: "Radiograph") -> None:
    """Write outlines as closed curves in mm of the film's plane."""
    from ..io import write_contours

    write_contours(stem.with_name(f"{stem.name}_contours.mrk.json"), contours, spacing_mm=film.spacing_mm)


def write_png(path: Path, film: "Radiograph") -> None:
    """Write a film as a picture of 8 bits."""
    import numpy as np
    from PIL import Image

    from ..io.files import replacing

    low, high = film.display_range or (float(film.pixels.min()), float(film.pixels.max()))
    grey = np.clip((film.pixels.astype(np.float32) - low) / max(high - low, 1e-6), 0, 1)
    with replacing(path) as partial:
        Image.fromarray(np.rint(255 * grey).astype(np.uint8)).save(partial)


def _volume(path: Path) -> "Volume":
    from ..imaging import Volume
    from ..io import load_image

    image = load_image(path)
    if not isinstance(image, Volume):
        raise FileError(path, "is a film, not a volume", "Give a CT")
    return image
