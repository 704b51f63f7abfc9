"""`simulate --dataset`: films by the thousand in the layout that `train` reads."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import InputError
from .arms import parse_numbers
from .inputs import file_stems
from .reporting import progress_bar, say

if TYPE_CHECKING:
    from ..drr.collimation import Collimation
    from ..drr.exposure import Exposure
    from ..geometry.camera import CArm
    from ..training.patients import Patients
    from ..training.simulated import FilmPlan, Look
    from ..training.views import ViewRanges
    from .jobs import Hands

PANEL = "Data set"
HIPS, KNEE = "hips", "knee"
HIP_PHANTOMS = 30
ATLAS_CITATION = "Johns Hopkins pelvis atlas (Han et al. 2019, CC BY 4.0)"
ATLAS_FOLDERS = ("left", "right", "sacrum")
DISTANCES_VARY_MM = (100.0, 50.0)  # of the source to isocentre and detector, either way


class Anatomy(StrEnum):
    """Whose landmarks the films of atlas people have."""

    pelvis = "pelvis"
    femur = "proximal-femur"


DatasetOption = Annotated[
    int | None,
    typer.Option("--dataset", metavar="N", min=1, rich_help_panel=PANEL, help="Write a training set of N films from "
                 "random views instead. CT may then also be a phantom's name, the folder of the pelvis atlas, or hips, "
                 "alone or followed by that folder, for films that deep-morphing learns from; knee gives N MR volumes "
                 "with labels, for deep-shape. A run that was stopped goes on."),
]  # fmt: skip
FemursOption = Annotated[
    Path | None,
    typer.Option("--femurs", metavar="FILE", rich_help_panel=PANEL, help="Femur model (.h5) for the pelvis atlas."),
]
SampledOption = Annotated[
    int,
    typer.Option("--sampled", metavar="N", min=0, rich_help_panel=PANEL,
                 help="So many more individuals, sampled from the shapes of the atlas's training subjects."),
]  # fmt: skip
ViewsEachOption = Annotated[
    int,
    typer.Option("--views-each", metavar="N", min=1, rich_help_panel=PANEL, help="Films of one patient in a row."),
]
LaoOption = Annotated[
    str, typer.Option("--lao", metavar="FROM,TO", rich_help_panel=PANEL, help="Degrees; RAO is negative.")
]
CranOption = Annotated[
    str, typer.Option("--cran", metavar="FROM,TO", rich_help_panel=PANEL, help="Degrees; CAUD is negative.")
]
FlippedOption = Annotated[
    float, typer.Option("--flipped", min=0, max=1, rich_help_panel=PANEL, help="Share of mirrored films.")
]
ToolsOption = Annotated[
    float, typer.Option("--tools", min=0, max=1, rich_help_panel=PANEL, help="Share of films with tools.")
]
ImplantsOption = Annotated[
    float, typer.Option("--implants", min=0, max=1, rich_help_panel=PANEL, help="Share of atlas people with implants.")
]
AnatomyOption = Annotated[
    Anatomy, typer.Option("--anatomy", rich_help_panel=PANEL, help="Landmarks of atlas people, what views are about.")
]
AppearanceOption = Annotated[
    bool, typer.Option("--appearance/--no-appearance", rich_help_panel=PANEL, help="Vary how films look.")
]


def view_ranges(arm: "CArm", lao: str, cran: str, flipped: float) -> "ViewRanges":
    """Views about those of an arm, whose distances are the middles of theirs."""
    from ..training.views import ViewRanges

    near, far = ((d - vary, d + vary) for d, vary in
                 zip((arm.source_to_isocentre_mm, arm.source_to_detector_mm), DISTANCES_VARY_MM, strict=True))
    try:
        return ViewRanges(parse_numbers("--lao", lao, 2, "-60,60"), parse_numbers("--cran", cran, 2, "-45,45"),
                          (arm.roll_deg - 5, arm.roll_deg + 5), near, far, size_px=arm.size_px,
                          pixel_spacing_mm=arm.pixel_spacing_mm, flipped=flipped)
    except InputError:
        raise
    except ValueError as error:
        raise InputError("--dataset", str(error), "Change --sod, --sdd, --lao or --cran") from error


def hip_views(flipped: float) -> "ViewRanges":
    """The views of a C-arm about the hip; `hips` always has these."""
    from dataclasses import replace

    from ..training.femurs import VIEWS

    return replace(VIEWS, flipped=flipped)


def patients(cts: Sequence[Path], marks: Mapping[Path, Path], labelled: Mapping[Path, Path], *,
             structures: Mapping[int, str] | None, femurs: Path | None, sampled: int, implants: float, anatomy: str,
             seed: int) -> "Patients":
    """Who is in the films: a phantom, the people of the pelvis atlas, or the subjects of CTs.

    Raises
    ------
    InputError
        There is no such thing, or a CT has no landmarks.
    """
    from ..phantoms import SCHEMAS, VOLUMES
    from ..training.patients import AtlasPatients, CTFiles, CTPatients, PhantomPatients

    first = cts[0]
    if not first.exists() and str(first) == HIPS:
        return _hips(cts[1:], femurs, sampled, implants, seed)
    if not first.exists() and str(first) in SCHEMAS and str(first) in VOLUMES:
        return PhantomPatients(str(first), seed=seed)
    if all((first / name).is_dir() for name in ATLAS_FOLDERS):
        return AtlasPatients(str(first), str(femurs or ""), sampled, implants, str(anatomy), seed=seed)
    if lacking := [ct for ct in cts if ct not in marks]:
        known = ", ".join(name for name in SCHEMAS if name in VOLUMES)
        raise InputError(lacking[0], "has no landmarks", f"Give --landmarks; or a phantom's name ({known}) as CT")
    files = tuple(CTFiles(stem, str(ct), str(marks[ct]), str(labelled.get(ct, "")))
                  for ct, stem in zip(cts, file_stems([ct.name for ct in cts]), strict=True))
    return CTPatients(files, tuple((structures or {}).items()), seed)


def _hips(atlas: Sequence[Path], femurs: Path | None, sampled: int, implants: float, seed: int) -> "Patients":
    """Phantoms and, where its folder is given, people of the pelvis atlas, all with outlines of femurs and heads."""
    from ..training.femurs import FemurPatients

    if len(atlas) > 1 or not all((folder / name).is_dir() for folder in atlas for name in ATLAS_FOLDERS):
        raise InputError(atlas[0], "is not the folder of the pelvis atlas", f"Give {HIPS} alone, or with that folder")
    if not atlas and (sampled or femurs):
        raise InputError("--sampled or --femurs", "needs the pelvis atlas", f"Give its folder behind {HIPS}")
    return FemurPatients(HIP_PHANTOMS, str(atlas[0]) if atlas else "", str(femurs or ""), sampled, implants, seed=seed)


def refuse_options_of_single_films(given: Mapping[str, object]) -> None:
    """Refuse, by an InputError, an option that says nothing about a data set."""
    instead = {"--view": "Give --lao and --cran, the ranges of the views",
               "--isocentre": "Leave it out: views are drawn about the middle of the landmarks",
               "--monochrome1": "Leave it out: a training set's images are PNG, denser is brighter",
               "--png": "Leave it out: a training set's images are PNG"}
    for option, value in given.items():
        if value:
            raise InputError(option, "does not go with --dataset", instead[option])


def look_of(exposure: "Exposure | None", collimation: "Collimation | None", tools: float, appearance: bool) -> "Look":
    """How the films of a set look: exposed as asked for, or in varied ways."""
    from ..training.simulated import Look

    return Look(exposure is None, appearance, tools, exposure, collimation)


def write_set(output: Path, source: "Patients", views: "ViewRanges", count: int, look: "Look", *, seed: int,
              views_each: int, hands: "Hands", quiet: bool) -> int:
    """Write the films that the folder lacks; gives the exit code."""
    from ..training.simulated import FilmPlan
    from ..training.simulated_sets import write_simulated_set

    plan = FilmPlan(source, views, seed, views_each, look)
    with progress_bar("Simulating", quiet) as progress:
        dataset = write_simulated_set(output, plan, count, about=about(plan), progress=progress, workers=hands.workers,
                                      scheduler=hands.scheduler, retries=hands.retries)
    splits = {split: sum(film.split == split for film in dataset.films) for split in ("train", "validation", "test")}
    shares = ", ".join(f"{number} {split}" for split, number in splits.items())
    say(f"{len(dataset)} films of {len(dataset.subjects)} subjects ({shares})  {output}", quiet)
    return 0


def about(plan: "FilmPlan") -> dict:
    """Name of the set, and the schema of the pelvis."""
    from ..phantoms import SCHEMAS
    from ..training.femurs import FemurPatients
    from ..training.patients import AtlasPatients

    source, schema = plan.patients, SCHEMAS["pelvis"]
    if isinstance(source, FemurPatients):
        known = {"name": "simulated fluoroscopy of hips", "anatomy": SCHEMAS["proximal-femur"].anatomy,
                 "licence": "BSD-3-Clause"}
        return known | ({"citation": ATLAS_CITATION} if source.atlas else {})
    known = {"name": f"simulated films, {source.describe()['kind']}"}
    shown = source.anatomy if isinstance(source, AtlasPatients) else getattr(source, "name", "")
    if shown == "pelvis":
        known |= {"anatomy": schema.anatomy, "schema": {"pairs": schema.pairs, "subshapes": schema.subshapes}}
    return known


def write_knees(output: Path, count: int, hands: "Hands", quiet: bool) -> int:
    """Write the knee phantoms' volumes that the folder lacks; gives the exit code."""
    from ..training.knee_sets import write_knee_set
    from ..training.volumes import SPLITS

    with progress_bar("Simulating", quiet) as progress:
        dataset = write_knee_set(output, count, progress=progress, workers=hands.workers,
                                 scheduler=hands.scheduler, retries=hands.retries)
    shares = ", ".join(f"{sum(scan.split == split for scan in dataset.scans)} {split}" for split in SPLITS)
    say(f"{len(dataset)} volumes of as many knees ({shares})  {output}", quiet)
    return 0
