"""`simulate`: radiographs of a CT, with their geometry and the truth about them."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import InputError
from .arms import parse_arm, parse_structures, parse_view
from .inputs import file_stems, names_in_output
from .jobs import RETRIES, Hands, Job, Made, RetriesOption, SchedulerOption, WorkersOption, run_jobs
from .manifest import key_of
from .options import (
    Device,
    DeviceOption,
    FolderOption,
    QuietOption,
    SeedOption,
    SetOption,
    check_device,
    parse_assignments,
)
from .reporting import for_each, say
from .simulated_sets import (
    HIPS,
    KNEE,
    Anatomy,
    AnatomyOption,
    AppearanceOption,
    CranOption,
    DatasetOption,
    FemursOption,
    FlippedOption,
    ImplantsOption,
    LaoOption,
    SampledOption,
    ToolsOption,
    ViewsEachOption,
    hip_views,
    look_of,
    patients,
    refuse_options_of_single_films,
    view_ranges,
    write_knees,
    write_set,
)
from .views import Progress, Request, simulate_views

if TYPE_CHECKING:
    from ..drr.collimation import Collimation
    from ..drr.exposure import Exposure


class Collimator(StrEnum):
    """What the beam is narrowed to."""

    none = "none"
    circle = "circle"
    rectangle = "rectangle"


def simulate(
    cts: Annotated[list[Path], typer.Argument(metavar="CT...", help="NIfTI, NRRD, MHA, or a DICOM series folder.")],
    output: FolderOption,
    views: Annotated[
        list[str] | None,
        typer.Option("--view", metavar="LAO,CRAN", help="Angles in degrees, or ap, lateral, inlet, outlet, "
                     "iliac-oblique-left, obturator-oblique-left, ...; repeat for more. By default ap."),
    ] = None,
    landmarks: Annotated[
        list[Path] | None, typer.Option("--landmarks", metavar="F.mrk.json", help="Landmarks of the CT; one file a CT.")
    ] = None,
    labels: Annotated[
        list[Path] | None, typer.Option("--labels", metavar="FILE", help="Labels of the CT, to outline; one file a CT.")
    ] = None,
    structures: Annotated[
        list[str] | None,
        typer.Option("--label", metavar="VALUE[=NAME]", help="Outline this label; repeat. By default all bones."),
    ] = None,
    sod: Annotated[float, typer.Option("--sod", metavar="MM", help="Source to isocentre.")] = 750.0,
    sdd: Annotated[float, typer.Option("--sdd", metavar="MM", help="Source to detector.")] = 1200.0,
    size: Annotated[str, typer.Option("--size", metavar="ROWSxCOLUMNS", help="Pixels of the detector.")] = "479x615",
    pixel: Annotated[str, typer.Option("--pixel-mm", metavar="MM[,MM]", help="Their size, at the detector.")] = "0.616",
    roll: Annotated[float, typer.Option("--roll", metavar="DEGREES", help="Turn of the detector.")] = 0.0,
    isocentre: Annotated[
        str | None,
        typer.Option("--isocentre", metavar="L,P,S", help="In mm, LPS. By default the middle of landmarks or CT."),
    ] = None,
    exposure: Annotated[
        str | None,
        typer.Option("--exposure", metavar="NAME", help="film or fluoroscopy. By default film; varied in a data set."),
    ] = None,
    assignments: SetOption = None,
    collimator: Annotated[Collimator, typer.Option("--collimator", help="Shape of the field.")] = Collimator.none,
    inverted: Annotated[bool, typer.Option("--monochrome1", help="Store the grey values inverted.")] = False,
    png: Annotated[bool, typer.Option("--png", help="Also write each film as PNG, to look at.")] = False,
    dataset: DatasetOption = None,
    femurs: FemursOption = None,
    sampled: SampledOption = 0,
    views_each: ViewsEachOption = 10,
    lao: LaoOption = "-60,60",
    cran: CranOption = "-45,45",
    flipped: FlippedOption = 0.5,
    tools: ToolsOption = 0.25,
    implants: ImplantsOption = 0.3,
    anatomy: AnatomyOption = Anatomy.pelvis,
    appearance: AppearanceOption = True,
    workers: WorkersOption = 1,
    scheduler: SchedulerOption = None,
    retries: RetriesOption = RETRIES,
    quiet: QuietOption = False,
    device: DeviceOption = Device.auto,
    seed: SeedOption = None,
) -> int:
    """Simulate radiographs of CTs: view_000.dcm, .json (geometry), .csv (landmarks), _contours.mrk.json (outlines).

    With --set, any setting of the exposure: kvp, photons, scatter, blur_px, saturated, ... Of several CTs each has its
    own folder, and a bad one is reported and skipped.
    """
    check_device(device)
    arm, hands = parse_arm(sod, sdd, size, pixel, roll, isocentre), Hands(workers, scheduler, retries)
    if dataset is not None and [str(ct) for ct in cts] == [KNEE] and not cts[0].exists():
        return write_knees(output, dataset, hands, quiet)
    if dataset is not None:
        refuse_options_of_single_films({"--view": views, "--isocentre": isocentre, "--monochrome1": inverted,
                                        "--png": png})
        source = patients(cts, _one_each("--landmarks", landmarks, cts), _one_each("--labels", labels, cts),
                          structures=parse_structures(structures), femurs=femurs, sampled=sampled, implants=implants,
                          anatomy=anatomy, seed=seed or 0)
        views_of = hip_views(flipped) if str(cts[0]) == HIPS else view_ranges(arm, lao, cran, flipped)
        look = look_of(_exposure(exposure, assignments) if exposure or assignments else None,
                       _collimation(collimator), tools, appearance)
        return write_set(output, source, views_of, dataset, look, seed=seed or 0, views_each=views_each, hands=hands,
                         quiet=quiet)
    angles = [parse_view(text) for text in views or ["ap"]]
    request = Request(
        tuple(replace(arm, lao_deg=lao, cran_deg=cran) for lao, cran in angles), isocentre is not None,
        _exposure(exposure, assignments), _collimation(collimator), seed or 0, parse_structures(structures), png,
        "MONOCHROME1" if inverted else "MONOCHROME2",
    )  # fmt: skip
    marks, labelled = _one_each("--landmarks", landmarks, cts), _one_each("--labels", labels, cts)
    if output.exists() and not output.is_dir():
        raise InputError(output, "is a file, not a folder", "Choose another name")
    stems = dict(zip(cts, file_stems(names_in_output(cts)), strict=True))
    if hands.several and len(stems) > 1:
        jobs = [simulation(ct, output, stem, request, marks.get(ct), labelled.get(ct)) for ct, stem in stems.items()]
        return 0 if run_jobs(jobs, output, hands, title="Simulating", quiet=quiet).whole else 1

    def work(path: Path, progress: Progress) -> list[str]:
        folder = output if len(stems) == 1 else output / stems[path]
        return simulate_views(path, folder, request, marks.get(path), labelled.get(path), progress)

    results, failures = for_each(stems, work, title="Simulating", quiet=quiet)
    for line in (line for lines in results for line in lines):
        say(line, quiet)
    return 1 if failures else 0


def simulation(ct: Path, output: Path, stem: str, request: Request, marks: Path | None, labels: Path | None) -> Job:
    """The films of one CT of several, in a folder of their own."""
    files = [ct.absolute(), *(None if path is None else path.absolute() for path in (marks, labels))]
    key = key_of(ct, "simulate", stem, request, *(path and key_of(path) for path in files[1:]))
    return Job(str(ct), key, simulated, (str(output.absolute()), stem, request, *files))


def simulated(folder: Path, output: str, stem: str, request: Request, ct: Path, marks: Path | None, labels: Path | None
              ) -> Made:
    """Simulate the films of one CT into a folder from which they are moved to `output`."""
    lines = simulate_views(ct, folder / stem, request, marks, labels, lambda fraction, stage="": None)
    return Made(tuple(line.replace(str(folder), output) for line in lines))


def _exposure(name: str | None, assignments: Sequence[str] | None) -> "Exposure":
    from ..drr.exposure import EXPOSURES, Exposure
    from ..models.methods import settings_from

    name = name or "film"
    if name not in EXPOSURES:
        raise InputError(f"--exposure {name}", "is not known", f"Exposures: {', '.join(EXPOSURES)}")
    return settings_from(Exposure, asdict(EXPOSURES[name]), parse_assignments(assignments), "--set")


def _collimation(collimator: Collimator) -> "Collimation | None":
    from ..drr.collimation import Collimation

    return None if collimator is Collimator.none else Collimation(str(collimator))


def _one_each(option: str, files: Sequence[Path] | None, cts: Sequence[Path]) -> dict[Path, Path]:
    """Each CT's own file, in the order in which they were given."""
    if files and len(files) != len(cts):
        raise InputError(option, f"{len(files)} files for {len(cts)} CTs", "Give one a CT, in the same order")
    return dict(zip(cts, files or (), strict=False))
