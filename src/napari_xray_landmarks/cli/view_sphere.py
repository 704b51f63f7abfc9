"""`view-sphere`: how well a model finds a CT's landmarks from each direction."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import InputError
from .options import Device, DeviceOption, FolderOption, QuietOption, SeedOption, SetOption, parse_assignments
from .reporting import progress_bar, say

if TYPE_CHECKING:
    from ..landmarks import LandmarkSet


def view_sphere(
    ct: Annotated[Path, typer.Argument(metavar="CT", help="NIfTI, NRRD, MHA, or a DICOM series folder.")],
    landmarks: Annotated[Path, typer.Option("--landmarks", metavar="F.mrk.json", help="Landmarks of the CT.")],
    output: FolderOption,
    model: Annotated[str, typer.Option("--model", "-m", metavar="MODEL", help="A name or a file.")] = "pelvis-any-view",
    labels: Annotated[Path | None, typer.Option("--labels", metavar="FILE", help="Labels of the CT's bones.")] = None,
    step: Annotated[
        float, typer.Option("--step", metavar="DEGREES", min=1, max=60, help="Between views over 120 x 90 degrees.")
    ] = 15.0,
    assignments: SetOption = None,
    quiet: QuietOption = False,
    device: DeviceOption = Device.auto,
    seed: SeedOption = None,
) -> None:
    """Detect landmarks in films of a CT from all directions; write report.html with spherical plots, and tables."""
    from ..evaluation.view_sphere import arms_about, film_maker, measure, view_grid
    from ..evaluation.view_sphere_plots import write_view_report
    from ..models import load_model
    from ..training.patients import CTFiles, CTPatients

    known = load_model(model, device=device.value)
    settings = known.settings(**parse_assignments(assignments))
    patient = CTPatients((CTFiles(ct.name, str(ct), str(landmarks), str(labels or "")),)).patient(0, 0, outlined=False)
    marks = in_order(patient.landmarks, known.header.landmarks, landmarks)
    arms = list(arms_about(patient.middle_mm, view_grid(step)))
    with progress_bar("Looking from all sides", quiet) as progress:
        films = film_maker(patient.scene, seed=seed or 0)
        found = measure(lambda film: known.detect(film, settings), films, marks, arms, subject=ct.name,
                        progress=progress)
    page = write_view_report(found, output, title=f"{known.header.name} on {ct.name}")
    total = found.summary()
    say(f"{len(arms)} views: mean error {total.mean_mm:.2f} ± {total.sd_mm:.2f} mm at the detector, "
        f"{100 * total.recall:.1f} % of the landmarks on films detected", quiet)
    say(f"Written: {page}", quiet)


def in_order(landmarks: "LandmarkSet", names: tuple[str, ...], source: Path) -> "LandmarkSet":
    """A CT's landmarks as a model names them; those that the CT lacks have no place and are on no film.

    Raises
    ------
    InputError
        It has none of them.
    """
    import numpy as np

    if not set(names) & set(landmarks.names):
        problem = f"has none of the model's landmarks, such as {names[0]!r}"
        raise InputError(source, problem, "Name them as the model does")
    nowhere = np.full(3, np.nan)
    points = [landmarks[name] if name in landmarks.names else nowhere for name in names]
    return replace(landmarks, names=names, points=np.array(points), confidence=None, detected=None)
