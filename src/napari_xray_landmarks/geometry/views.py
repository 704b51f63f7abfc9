"""Views by name, and the angles and distances of a camera: the inverse of `CArm.camera`.

Angles are those of `CArm`, about a patient who lies in the AP film's pose: the source in front, the detector behind.
"""

import numpy as np

from .camera import Camera, CArm

VIEWS = {
    "ap": (0.0, 0.0),
    "lateral": (90.0, 0.0),
    "inlet": (0.0, 40.0),
    "outlet": (0.0, -40.0),
    "iliac-oblique-left": (-45.0, 0.0),
    "iliac-oblique-right": (45.0, 0.0),
    "obturator-oblique-left": (45.0, 0.0),
    "obturator-oblique-right": (-45.0, 0.0),
}
"""(LAO, CRAN) in degrees. Inlet looks down into the pelvic brim, outlet up at the front of the sacrum; each of the two
oblique directions shows the iliac wing of one side and the obturator ring of the other (Judet)."""

_SQUARE = 1e-5


def view_of_arm(arm: CArm) -> str:
    """The name of a C-arm's angles, to a tenth of a degree."""
    return view_name(round(arm.lao_deg, 1) + 0.0, round(arm.cran_deg, 1) + 0.0)


def view_name(lao_deg: float, cran_deg: float) -> str:
    """A view's angles as people say them: "LAO 30 CAUD 10", "AP" where both are zero."""
    if lao_deg == 0 and cran_deg == 0:
        return "AP"
    parts = [f"{'LAO' if lao_deg > 0 else 'RAO'} {abs(lao_deg):g}"] if lao_deg else []
    parts += [f"{'CRAN' if cran_deg > 0 else 'CAUD'} {abs(cran_deg):g}"] if cran_deg else []
    return " ".join(parts)


def arm_from_camera(camera: Camera, source_to_isocentre_mm: float) -> CArm:
    """The C-arm that stands like a camera; inverse of `CArm.camera`.

    Parameters
    ----------
    camera
    source_to_isocentre_mm
        How far along the beam the isocentre lies, which a camera does not tell.

    Returns
    -------
    CArm
        With `cran_deg` in [-90, 90]; at either end LAO and roll are one turn, and LAO is 0.

    Raises
    ------
    ValueError
        The detector's axes are not square to each other, or it is mirrored.
    """
    steps = np.stack([camera.row_step_mm, camera.column_step_mm])
    spacing = np.linalg.norm(steps, axis=1)
    down, across = steps / spacing[:, None]
    beam = np.cross(down, across)
    beam *= np.sign(beam @ (camera.corner_mm - camera.source_mm))
    turn = np.stack([-down, beam, across], axis=1)  # columns: where superior, posterior, left of the arm point
    if abs(down @ across) > _SQUARE or np.linalg.det(turn) < 0:
        raise ValueError(f"no C-arm has this detector: rows run along {down.round(6).tolist()}, columns along "
                         f"{across.round(6).tolist()}")
    lao, cran, roll = _angles(turn)
    to_corner = camera.corner_mm - camera.source_mm
    distance = float(to_corner @ beam)
    foot = beam * distance - to_corner
    centre = (float(foot @ down / spacing[0]), float(foot @ across / spacing[1]))
    isocentre = camera.source_mm + beam * source_to_isocentre_mm
    return CArm(lao, cran, roll, float(source_to_isocentre_mm), distance, tuple(spacing.tolist()), camera.size_px,
                tuple(isocentre.tolist()), centre)


def _angles(turn: np.ndarray) -> tuple[float, float, float]:
    """LAO, CRAN and roll in degrees of a `CArm.world_from_arm`."""
    superior, posterior, left = turn[:, 1]
    level = np.hypot(posterior, left)
    lao = np.arctan2(-left, posterior) if level > 1e-9 else 0.0
    cran = np.arctan2(-superior, level)
    rolled = CArm(*np.rad2deg([lao, cran])).world_from_arm.T @ turn
    roll = np.arctan2(-rolled[2, 0], rolled[0, 0])
    return tuple(np.rad2deg([lao, cran, roll]).tolist())
