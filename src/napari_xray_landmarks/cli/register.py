"""`register`: the pose of a radiograph in a CT, refined by comparing it with renderings."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import FileError, InputError
from .inputs import load_one_film, named
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
    from ..registration import Registration

ENDING = ".json"


def register(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="A radiograph: DICOM, PNG, JPEG, TIFF, ...")],
    ct: Annotated[Path, typer.Argument(metavar="CT", help="NIfTI, NRRD, MHA, or a DICOM series folder.")],
    pose: Annotated[Path, typer.Option("--pose", metavar="POSE.json", help="Where it was taken from, roughly: what "
                                       "`pose` wrote, or the geometry of a view.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="POSE.json", help="File of the refined pose.")],
    assignments: SetOption = None,
    spacing: SpacingOption = None,
    quiet: QuietOption = False,
    device: DeviceOption = Device.auto,
    seed: SeedOption = None,
) -> int:
    """Refine a radiograph's pose by comparing it with renderings; one that does not fit is refused and not written.

    With --set, any setting: similarity, patch_px, polarity, levels, finest_mm, capture_deg, capture_mm, starts, ...
    """
    from ..io.poses import save_pose
    from ..models.methods import settings_from
    from ..registration import RegistrationSettings, refine
    from ..registration.sizes import in_film_pixels

    check_device(device)
    _check_output(output)
    settings = settings_from(RegistrationSettings, {}, parse_assignments(assignments), "--set")
    arm, before = _start(pose)
    film, volume = load_one_film(image, parse_spacing(spacing), "Give one, that of the pose"), _volume(ct)
    arm = in_film_pixels(film, arm, str(image))
    with progress_bar("Registering", quiet) as progress:
        try:
            found = refine(film, volume, arm.camera(), settings, centre_mm=arm.isocentre_mm, seed=seed or 0,
                           progress=progress)
        except InputError as error:
            raise named(error, ct if error.subject == volume.name else image) from error
    if not found.converged:
        raise FileError(image, f"is not registered to {ct.name}: {'; '.join(found.notes)}",
                        "Check that film, CT and pose belong together, or start nearer")
    refined = _refined(found, arm, before, {"film": image.name, "ct": ct.name, "start": pose.name})
    output.parent.mkdir(parents=True, exist_ok=True)
    save_pose(output, refined)
    for line in [_in_words(found, refined), *(f"Note: {note}" for note in found.notes), f"Written: {output}"]:
        say(line, quiet)
    return 0


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
