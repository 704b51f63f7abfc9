"""A point marked on several films of one CT: where it may lie on the others, and where it is in space."""

from dataclasses import dataclass

import numpy as np

from ..geometry.triangulation import Triangulated, epipolar_line, triangulate
from .films import frame_of, set_frame, world_from_data
from .frames import KEY, mm_per_unit, transformed
from .marks import VOLUME_AXES
from .pose_layers import layers_of_film
from .results import layer_id, results_of
from .styles import LandmarkStyle

MARKED, LINES, POINTS = "marked points", "epipolar lines", "points in space"
COLOURS = ("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#cc79a7", "#d55e00")
CLICK_SD_PX = 1.0


@dataclass(frozen=True, eq=False)
class Found:
    """One point that is marked on films, by its number from 1.

    Parameters
    ----------
    number
    point
        None where it is not to be had.
    problem
        Why not.
    """

    number: int
    point: Triangulated | None
    problem: str = ""


def marked_layer(viewer, film):
    """The Points layer in which points of a film are marked; a new one where there is none."""
    found = results_of(viewer, film, MARKED)
    if found:
        return found[-1]
    style = LandmarkStyle().layer_kwargs(film.data.shape)
    layer = viewer.add_points(  # without limits of its size on the screen: napari draws them where there is no point
        np.empty((0, 2)), ndim=2, name=f"{film.name} · {MARKED}", size=style["size"], symbol="disc",
        face_color=COLOURS[0], border_color="black", border_width=style["border_width"],
        metadata={KEY: {"kind": MARKED, "source": film.name, "source_id": layer_id(film)}}, **frame_of(film))
    return layer


def marks_on(viewer, film) -> np.ndarray:
    """(N, 2) marked points in a film's pixels."""
    found = results_of(viewer, film, MARKED)
    if not found or not len(found[-1].data):
        return np.empty((0, 2))
    return transformed(np.linalg.inv(world_from_data(film)) @ world_from_data(found[-1]), found[-1].data)


def find_points(cameras: list, marks: list[np.ndarray]) -> list[Found]:
    """The points that are marked on two films or more; the n-th mark of every film is one point."""
    found = []
    for i in range(max((len(m) for m in marks), default=0)):
        places = np.array([m[i] if i < len(m) else (np.nan, np.nan) for m in marks])
        if np.isfinite(places).all(1).sum() < 2:
            found.append(Found(i + 1, None, "mark it on another film"))
            continue
        try:
            found.append(Found(i + 1, triangulate(cameras, places, sd_px=CLICK_SD_PX)))
        except ValueError as error:
            found.append(Found(i + 1, None, str(error)))
    return found


def show_lines(viewer, film, camera, others: list[tuple]) -> None:
    """Draw on a film where the points may lie that are marked on other films, each in its colour.

    Parameters
    ----------
    others
        (camera, (N, 2) marks) of every other film.
    """
    lines, colours = [], []
    own = len(marks_on(viewer, film))
    for other, marks in others:
        for i, mark in enumerate(marks):
            line = epipolar_line(other, mark, camera) if i >= own else None
            if line is not None:
                lines.append((line[0], line[1] - line[0]))
                colours.append(COLOURS[i % len(COLOURS)])
    existing = results_of(viewer, film, LINES)
    if not lines:
        for layer in existing:
            viewer.layers.remove(layer)
        return
    if existing:
        existing[-1].data = np.array(lines)
        existing[-1].edge_color = colours
        return
    active = viewer.layers.selection.active
    width = LandmarkStyle().layer_kwargs(film.data.shape)["size"] / 3
    viewer.add_vectors(np.array(lines), name=f"{film.name} · {LINES}", edge_color=colours, edge_width=width,
                       vector_style="line", blending="translucent_no_depth", **frame_of(film),
                       metadata={KEY: {"kind": LINES, "source": film.name, "source_id": layer_id(film)}})
    viewer.layers.selection.active = active


def show_points(viewer, ct, found: list[Found]) -> None:
    """Put the points that were found into the CT's space."""
    import pandas as pd

    there = [f for f in found if f.point is not None]
    existing = results_of(viewer, ct, POINTS)
    if not there:
        for layer in existing:
            viewer.layers.remove(layer)
        return
    points = np.array([f.point.point_mm for f in there])
    features = pd.DataFrame({"name": [f"P{f.number}" for f in there]})
    if existing and len(existing[-1].data) == len(points):
        existing[-1].data = points
        existing[-1].features = features
        return
    for layer in existing:
        viewer.layers.remove(layer)
    active = viewer.layers.selection.active
    factors = mm_per_unit({"units": ct.units}, 3)
    style = LandmarkStyle()
    viewer.add_points(points, name=f"{ct.name} · {POINTS}", features=features, size=8.0, face_color=COLOURS[0],
                      scale=np.ones(3) if factors is None else 1 / factors, units=tuple(ct.units),
                      axis_labels=VOLUME_AXES,
                      text={"string": "{name}", "size": style.text_size, "color": COLOURS[0]},
                      metadata={KEY: {"kind": POINTS, "source": ct.name, "source_id": layer_id(ct)}})
    viewer.layers.selection.active = active


def colour_marks(viewer, film) -> None:
    """Give each mark the colour of its number."""
    for layer in results_of(viewer, film, MARKED):
        if len(layer.data):
            layer.face_color = [COLOURS[i % len(COLOURS)] for i in range(len(layer.data))]


def lay_beside(viewer, film, other) -> np.ndarray:
    """Move another film, and all that lies on it, to the right of a film; the shift in the world."""
    gap = 1.05 * film.extent.world[1][-1] - other.extent.world[0][-1]
    shift = np.array([film.extent.world[0][-2] - other.extent.world[0][-2], gap])
    move(layers_of_film(viewer, other), shift)
    return shift


def move(layers: list, shift: np.ndarray) -> None:
    """Shift layers in the plane of the films."""
    for layer in layers:
        matrix = np.array(layer.affine.affine_matrix)
        matrix[-3:-1, -1] += shift
        layer.affine = matrix


def follow(viewer, film) -> None:
    """Bring what is marked on a film into its frame."""
    for kind in (MARKED, LINES):
        for layer in results_of(viewer, film, kind):
            if not np.array_equal(world_from_data(layer), world_from_data(film)):
                set_frame(layer, film)
