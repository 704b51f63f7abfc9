"""`register`: the pose of a radiograph in a CT, refined by comparing it with renderings."""

from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import FileError, InputError
from .inputs import file_stems, load_one_film, named
from .jobs import RETRIES, Hands, Job, Made, RetriesOption, SchedulerOption, WorkersOption, run_jobs
from .manifest import key_of
from .options import (
    Device,
    DeviceOption,
    QuietOption,
    SeedOption,
    SetOption,
    SpacingOption,
    check_device,
    parse_assignments,
    parse_spacing,
)
from .reporting import progress_bar, say

if TYPE_CHECKING:
    from ..geometry.camera import CArm
    from ..geometry.pose import Pose
    from ..imaging import Volume
    from ..registration import Registration, RegistrationSettings
    from ..registration.patients import Patient

ENDING = ".json"


def register(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="A radiograph: DICOM, PNG, JPEG, TIFF, ...; or a "
                                          "folder of them, with a folder of poses.")],
    ct: Annotated[Path, typer.Argument(metavar="CT", help="NIfTI, NRRD, MHA, or a DICOM series folder.")],
    pose: Annotated[Path, typer.Option("--pose", metavar="POSE.json", help="Where it was taken from, roughly: what "
                                       "`pose` wrote, or the geometry of a view; or a folder with one named like each "
                                       "film.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="POSE.json", help="File of the refined pose; of "
                                         "several films a folder.")],
    assignments: SetOption = None,
    spacing: SpacingOption = None,
    workers: WorkersOption = 1,
    scheduler: SchedulerOption = None,
    retries: RetriesOption = RETRIES,
    quiet: QuietOption = False,
    device: DeviceOption = Device.auto,
    seed: SeedOption = None,
) -> int:
    """Refine a radiograph's pose by comparing it with renderings; one that does not fit is refused and not written.

    With --set, any setting: similarity, patch_px, polarity, levels, finest_mm, capture_deg, capture_mm, starts, ...
    """
    from ..models.methods import settings_from
    from ..registration import RegistrationSettings

    check_device(device)
    settings = settings_from(RegistrationSettings, {}, parse_assignments(assignments), "--set")
    asked = Asked(ct, settings, parse_spacing(spacing), seed or 0)
    if image.is_dir() and pose.is_dir():
        hands = Hands(workers, scheduler, retries)
        return _register_all(films_in(image), pose, output, replace(asked, ct=ct.absolute()), hands, quiet)
    _check_output(output)
    output.parent.mkdir(parents=True, exist_ok=True)
    with progress_bar("Registering", quiet) as progress:
        made = registered(output.parent, output.name, asked, image, pose, progress)
    for line in [*made.lines, f"Written: {output}"]:
        say(line, quiet)
    return 0


@dataclass(frozen=True)
class Asked:
    """What every film of a command has in common."""

    ct: Path
    settings: "RegistrationSettings"
    spacing_mm: tuple[float, float] | None
    seed: int


def films_in(folder: Path) -> list[Path]:
    """The films of a folder, each a file of its own.

    Raises
    ------
    FileError
        There are none.
    """
    from ..io.files import PICTURE_SUFFIXES, suffix

    endings = {*PICTURE_SUFFIXES, ".dcm", ".dicom", ".ima"}
    films = sorted(path for path in folder.iterdir() if path.is_file() and suffix(path) in endings)
    if not films:
        raise FileError(folder, "holds no films", "Give a folder of DICOM files or pictures")
    return films


def _register_all(films: list[Path], poses: Path, output: Path, asked: Asked, hands: Hands, quiet: bool) -> int:
    """Register every film with the pose that is named like it; the exit code."""
    if output.exists() and not output.is_dir() or output.suffix:
        raise InputError(output, f"holds one pose, but there are {len(films)} films", "Give a folder")
    stems, jobs = file_stems([film.name for film in films]), []
    for film, name in zip(films, stems, strict=True):
        pose = _pose_of(film, poses)
        key = key_of(film, "register", key_of(pose), key_of(asked.ct), asked.settings, asked.spacing_mm, asked.seed)
        jobs.append(Job(str(film), key, registered, (f"{name}_pose{ENDING}", asked, film.absolute(), pose.absolute())))
    ended = run_jobs(jobs, output, hands, title="Registering", quiet=quiet)
    say(f"Written: {len(ended.parts)} poses into {output}", quiet)
    return 0 if ended.whole else 1


def _pose_of(film: Path, poses: Path) -> Path:
    """The file of a film's pose; the name that it should have where there is none."""
    from ..io.files import stem

    named_like = [poses / f"{stem(film)}{end}{ENDING}" for end in ("_pose", "")]
    return next((path for path in named_like if path.is_file()), named_like[0])


def registered(folder: Path, target: str, asked: Asked, image: Path, pose: Path, progress=None) -> Made:
    """Register one film and write its pose into a folder."""
    from ..io.poses import save_pose
    from ..registration import refine
    from ..registration.sizes import in_film_pixels

    arm, before = _start(pose)
    film = load_one_film(image, asked.spacing_mm, "Give one, that of the pose")
    volume, patient = _patient(asked.ct, key_of(asked.ct))
    arm = in_film_pixels(film, arm, str(image))
    try:
        found = refine(film, patient, arm.camera(), asked.settings, centre_mm=arm.isocentre_mm, seed=asked.seed,
                       progress=progress)
    except InputError as error:
        raise named(error, asked.ct if error.subject == volume else image) from error
    if not found.converged:
        raise FileError(image, f"is not registered to {asked.ct.name}: {'; '.join(found.notes)}",
                        "Check that film, CT and pose belong together, or start nearer")
    refined = _refined(found, arm, before, {"film": image.name, "ct": asked.ct.name, "start": pose.name})
    save_pose(folder / target, refined)
    return Made((f"{image.name}: {_in_words(found, refined)}", *(f"Note: {note}" for note in found.notes)))


@lru_cache(maxsize=1)
def _patient(ct: Path, key: str) -> "tuple[str, Patient]":
    """What the CT is called, and the CT prepared for all of its films, once a process while the file stays the same."""
    from ..registration.patients import patient_of

    volume = _volume(ct)
    try:
        return volume.name, patient_of(volume)
    except InputError as error:
        raise named(error, ct) from error


def _check_output(output: Path) -> None:
    if output.suffix.lower() != ENDING or output.is_dir():
        raise InputError(output, "is no pose file", "Give a name that ends in .json")


def _start(path: Path) -> "tuple[CArm, Pose | None]":
    """The C-arm of a pose, and the pose; of a geometry the C-arm alone."""
    from ..io.geometry import load_arm, read_document
    from ..io.poses import load_pose

    if "residual_px" not in read_document(path):
        return load_arm(path), None
    pose = load_pose(path)
    return pose.arm, pose


def _volume(path: Path) -> "Volume":
    from ..imaging import Volume
    from ..io import load_image

    image = load_image(path)
    if not isinstance(image, Volume):
        raise FileError(path, "is a film, not a volume", "Give a CT")
    return image


def _refined(found: "Registration", arm: "CArm", before: "Pose | None", sources: dict) -> "Pose":
    """The pose to write; its residual and landmarks are those that it started from."""
    from .. import __version__
    from ..geometry.pose import Pose, covariance_about
    from ..geometry.views import arm_from_camera

    moved = arm_from_camera(found.camera, arm.source_to_isocentre_mm)
    covariance = found.covariance
    if covariance is not None:
        covariance = covariance_about(covariance, found.centre_mm, moved.isocentre_mm)
    provenance = {"method": "2D/3D registration", "package_version": __version__, **sources,
                  "settings": asdict(found.settings), "start_similarity": float(found.start_similarity),
                  "notes": list(found.notes)}
    residual, landmarks = None, ()
    if before is not None:
        shrunk = arm.size_px[0] / before.arm.size_px[0]
        residual = None if before.residual_px is None else before.residual_px * shrunk
        landmarks = before.used_landmarks
        provenance |= {"residual_px": "of the landmarks before the registration", "before": dict(before.provenance)}
    return Pose(moved, residual, landmarks, covariance, float(found.similarity), provenance)


def _in_words(found: "Registration", pose: "Pose") -> str:
    import numpy as np

    from ..geometry.pose import standard_deviations

    turn, shift = np.rad2deg(np.linalg.norm(found.motion[:3])), np.linalg.norm(found.motion[3:])
    spread = ""
    if pose.covariance is not None:
        turn_sd, shift_sd = standard_deviations(pose.covariance)
        spread = f", ± {turn_sd:.2g}° and ± {shift_sd:.2g} mm"
    return (f"similarity {found.similarity:.2f} after {found.start_similarity:.2f}, moved by {turn:.1f}° and "
            f"{shift:.1f} mm{spread}")
