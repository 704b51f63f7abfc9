"""The C-arm in space beside the CT: source, cone of rays, central beam, and the film on the detector as layers."""

import numpy as np

from ..geometry.camera import CArm
from .films import frame_in_mm, our_metadata
from .frames import KEY
from .lighting import light_from_the_camera
from .results import layer_id, results_of

ARM = "c-arm"
CONE, FRAME, BEAM = "#f0e442", "#56b4e9", "#d55e00"
LOOK = (-0.35, 1.0, -0.7)  # (superior, posterior, left)
KINDS = ("Surface", "Vectors", "Points")  # the film on the detector, the lines, source and isocentre
PLATE = np.array([[0, 1, 2], [0, 2, 3]])
CORNERS_OF_TEXTURE = np.array([[0.0, 1], [1, 1], [1, 0], [0, 0]])  # of the film's corners, its first row on top


def detector_corners(arm: CArm) -> np.ndarray:
    """(4, 3) corners of the detector in mm, the first row's before the last row's, in a ring."""
    camera, (rows, columns) = arm.camera(), arm.size_px
    rim = np.array([[-0.5, -0.5], [-0.5, columns - 0.5], [rows - 0.5, columns - 0.5], [rows - 0.5, -0.5]])
    return camera.corner_mm + rim[:, :1] * camera.row_step_mm + rim[:, 1:] * camera.column_step_mm


def arm_lines(arm: CArm) -> tuple[np.ndarray, list[str]]:
    """The C-arm in space as (N, 2, 3) vectors (start, step) in mm, and a colour for each."""
    camera, corners = arm.camera(), detector_corners(arm)
    foot = np.asarray(arm.isocentre_mm) + (arm.source_to_detector_mm - arm.source_to_isocentre_mm) * (
        np.asarray(arm.isocentre_mm) - camera.source_mm) / arm.source_to_isocentre_mm
    ends = [(camera.source_mm, corner) for corner in corners]
    ends += [(corners[i], corners[(i + 1) % 4]) for i in range(4)]
    ends.append((camera.source_mm, foot))
    vectors = np.array([(start, np.subtract(end, start)) for start, end in ends])
    return vectors, [CONE] * 4 + [FRAME] * 4 + [BEAM]


def show_arm(viewer, ct_layer, arm: CArm, grey: np.ndarray) -> None:
    """Draw the C-arm beside the CT, its film on the detector, into the layers that are there or new ones.

    Parameters
    ----------
    viewer
    ct_layer
    arm
    grey : (rows, columns) uint8 array
        The film.
    """
    lines, colours = arm_lines(arm)
    points = np.array([arm.camera().source_mm, arm.isocentre_mm])
    corners, texture = detector_corners(arm), np.repeat(grey[..., None], 3, axis=2)
    drawn = _drawn(viewer, ct_layer)
    if len(drawn) == len(KINDS):
        plate, vectors, ends = drawn
        vectors.data, ends.data, plate.vertices, plate.texture = lines, points, corners, texture
        return
    hide_arm(viewer, ct_layer)
    active = viewer.layers.selection.active
    notes = {"kind": ARM, "source": ct_layer.name, "source_id": layer_id(ct_layer)}
    common = {"metadata": {KEY: notes}, "blending": "translucent", **frame_in_mm(ct_layer)}
    viewer.add_surface((corners, PLATE, np.ones(4)), name=f"{ct_layer.name} · film in space", texture=texture,
                       texcoords=CORNERS_OF_TEXTURE, shading="none", **common)
    viewer.add_vectors(lines, name=f"{ct_layer.name} · C-arm", edge_color=colours, edge_width=4.0,
                       vector_style="line", **common)
    viewer.add_points(points, name=f"{ct_layer.name} · source and isocentre", size=[24.0, 12.0],
                      face_color=[BEAM, FRAME], border_width=0, **common)
    viewer.layers.selection.active = active


def look_from_the_front(viewer) -> None:
    """Show the volume in space with the head up, seen from the front and a little from the patient's left and above.

    napari's own way to look at space mirrors a volume whose axes are superior, posterior and left.
    """
    viewer.dims.ndisplay = 3
    camera = getattr(viewer, "scene", viewer).camera  # viewer.camera before napari 0.9
    camera.orientation = ("away", *camera.orientation2d)
    viewer.reset_view()
    camera.set_view_direction(view_direction=LOOK, up_direction=(1.0, 0.0, 0.0))
    light_from_the_camera(viewer)


def is_drawn(viewer, ct_layer) -> bool:
    """Whether all layers of a CT's C-arm are there."""
    return len(_drawn(viewer, ct_layer)) == len(KINDS)


def _drawn(viewer, ct_layer) -> list:
    """The layers of a CT's C-arm that are there, in the order of `KINDS` however the user sorted them."""
    found = {type(layer).__name__: layer for layer in results_of(viewer, ct_layer, ARM)}
    return [found[kind] for kind in KINDS if kind in found]


def hide_arm(viewer, ct_layer) -> None:
    """Take the C-arm of a CT away."""
    for layer in results_of(viewer, ct_layer, ARM):
        viewer.layers.remove(layer)


def hide_arms(viewer) -> None:
    """Take every C-arm away."""
    for layer in [layer for layer in viewer.layers if our_metadata(layer).get("kind") == ARM]:
        viewer.layers.remove(layer)
