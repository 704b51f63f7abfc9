"""The landmarks of a spine: the corners of its vertebral bodies, in space and in a film.

A corner of a film is the point of the body's outline that lies farthest in the direction half way between across and
up (or down) the vertebra, as the film shows it: where an endplate meets the side. `top-left` is the one towards the
film's left edge, which is the patient's right in an AP film, as in the AASCE data; lateral films have `top-anterior`.
"""

import numpy as np

from ..geometry.camera import Camera
from .thoracolumbar import Spine, Vertebra

ENDS = ("top", "bottom")
FRONTAL, LATERAL = ("left", "right"), ("anterior", "posterior")
ACROSS = {"left": (0.0, 0.0, -1.0), "right": (0.0, 0.0, 1.0), "anterior": (0.0, -1.0, 0.0),
          "posterior": (0.0, 1.0, 0.0)}  # in the vertebra's frame; left and right as an AP film shows them


def corners_in_space(spine: Spine) -> dict[str, np.ndarray]:
    """World positions of the corners that straight AP and lateral views show, and of the middles of the bodies."""
    found = {}
    for vertebra in spine.vertebrae:
        for sides, beam in ((FRONTAL, (0.0, 1.0, 0.0)), (LATERAL, (0.0, 0.0, 1.0))):
            for end in ENDS:
                for side in sides:
                    found[f"{vertebra.name}-{end}-{side}"] = corner(vertebra, end, side, np.array(beam))
        found[f"{vertebra.name}-centre"] = vertebra.centre_mm
    return found


def corners_in_film(spine: Spine, camera: Camera, sides: tuple[str, str] = FRONTAL) -> np.ndarray:
    """(72, 2) pixels of the corners as this camera sees them."""
    points = [corner(vertebra, end, side, vertebra.centre_mm - camera.source_mm)
              for vertebra in spine.vertebrae for end in ENDS for side in sides]
    return camera.project(np.array(points))


def corner(vertebra: Vertebra, end: str, side: str, beam) -> np.ndarray:
    """(3,) surface point of a body that is a corner of its outline in a beam of this direction."""
    beam = np.asarray(beam, float) / np.linalg.norm(beam)
    axes, size = vertebra.frame[:3, :3], vertebra.size
    up = axes[:, 0] - (axes[:, 0] @ beam) * beam
    up /= np.linalg.norm(up)
    across = np.cross(up, beam)
    across *= np.sign(across @ np.array(ACROSS[side])) or 1.0
    direction = across + (up if end == "top" else -up)
    around = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    height = size.height if end == "top" else -size.height
    rim = vertebra.place(np.stack([np.full(48, height), size.depth * np.sin(around), size.width * np.cos(around)], 1))
    start = rim[np.argmax(rim @ direction)]
    return vertebra.body.farthest_mm(start, direction, 12.0)
