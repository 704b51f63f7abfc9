"""Sample data for napari's menu: phantom radiographs and a CT, with their true landmarks and outlines."""

from ..phantoms import film, phantom
from .convert import contours_layer, image_layer, landmarks_layer
from .frames import LayerData

SUBJECT, WITH_IMPLANTS = 1000, 1007
"""Individuals that no bundled model has seen in training."""


def pelvis() -> list[LayerData]:
    """A phantom pelvis, its 23 landmarks and the outlines of hip bones and femurs."""
    return film_layers("pelvis", SUBJECT)


def pelvis_with_implants() -> list[LayerData]:
    """Another phantom pelvis, with metal in it."""
    return film_layers("pelvis", WITH_IMPLANTS)


def proximal_femur() -> list[LayerData]:
    """A phantom proximal femur, the landmarks of its outline and the centre of its head."""
    return film_layers("proximal-femur", SUBJECT)


def spine() -> list[LayerData]:
    """A phantom spine with scoliosis, the corners of its vertebrae and their outlines."""
    return film_layers("spine", SUBJECT)


def pelvis_ct() -> list[LayerData]:
    """A phantom pelvis in space: its CT, the labels of its bones, and its 23 landmarks."""
    made = phantom("pelvis", SUBJECT)
    title = made.volume.name
    labels, attributes, kind = image_layer(made.labels)
    return [
        image_layer(made.volume),
        (labels, {**attributes, "name": f"{title} · labels"}, kind),
        landmarks_layer(made.landmarks, f"{title} · landmarks"),
    ]


def film_layers(name: str, subject: int, *, implant: bool | None = None) -> list[LayerData]:
    """A phantom's film, true outlines (hidden at first) and true landmarks (without names) as layers."""
    made = film(name, subject, implant=implant)
    title, spacing = made.radiograph.name, made.radiograph.spacing_mm
    notes = {"source": title}
    outlines, attributes, kind = contours_layer(
        made.contours, f"{title} · true outlines", spacing_mm=spacing, notes=notes)
    truth, marks, points = landmarks_layer(
        made.landmarks, f"{title} · true landmarks", spacing_mm=spacing, notes=notes)
    marks["text"] = {**marks["text"], "visible": False}  # the names stand at what is detected
    return [
        image_layer(made.radiograph),
        (outlines, {**attributes, "visible": False}, kind),
        (truth, marks, points),
    ]
