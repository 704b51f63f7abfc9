"""Sample data for napari's menu: phantom radiographs and a CT, with their true landmarks and outlines."""

import numpy as np

from ..geometry.camera import CArm
from ..phantoms import film, phantom
from .convert import contours_layer, image_layer, landmarks_layer
from .frames import LayerData
from .simulating import film_layers as simulated_layers
from .simulating import film_of_patient, middle_of, read_patient

SUBJECT, WITH_IMPLANTS = 1000, 1007
"""Individuals that no bundled model has seen in training."""

TWO_VIEWS = ((-40.0, 0.0), (20.0, 10.0))
"""(LAO, CRAN) in degrees of the radiographs that come with a CT; the last one is shown."""
TWO_VIEWS_VOXEL_MM, ANNOTATION_SD_PX = 2.0, 1.5


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


def pelvis_two_views() -> list[LayerData]:
    """A phantom pelvis' CT and two radiographs of it, with landmarks in space and, as a person places them, on each."""
    made = phantom("pelvis", SUBJECT, implant=False, spacing_mm=TWO_VIEWS_VOXEL_MM)
    ct, rng = image_layer(made.volume), np.random.default_rng(SUBJECT)
    patient = read_patient(ct, None)
    middle = middle_of(patient, made.landmarks)
    marks, attributes, kind = landmarks_layer(made.landmarks, f"{made.volume.name} · landmarks")
    attributes |= {"visible": False, "text": {**attributes["text"], "visible": False}}
    layers = [(ct[0], {**ct[1], "visible": False}, ct[2]), (marks, attributes, kind)]
    for view in TWO_VIEWS:
        arm = CArm(*view, isocentre_mm=middle)
        radiograph, on_film = simulated_layers(film_of_patient(patient, arm, made.landmarks, False), patient)
        points = on_film[0] + rng.normal(0.0, ANNOTATION_SD_PX, on_film[0].shape)
        shown = {"visible": view == TWO_VIEWS[-1]}
        name = f"{radiograph[1]['name']} · annotated landmarks"
        layers += [(radiograph[0], {**radiograph[1], **shown}, radiograph[2]),
                   (points, {**on_film[1], **shown, "name": name}, on_film[2])]
    return layers


def knee_mr() -> list[LayerData]:
    """A phantom knee as an MR volume, with its true labels and landmarks, hidden at first."""
    return knee_layers(SUBJECT)


def knee_layers(subject: int, spacing_mm=None) -> list[LayerData]:
    """A phantom knee's MR, true labels and true landmarks as layers; `spacing_mm` as in `phantoms.phantom`."""
    made = phantom("knee", subject, spacing_mm=spacing_mm)
    title = made.volume.name
    labels, attributes, kind = image_layer(made.labels)
    marks, about, points = landmarks_layer(made.landmarks, f"{title} · true landmarks", notes={"source": title})
    about |= {"visible": False, "text": {**about["text"], "visible": False}}
    return [
        image_layer(made.volume),
        (labels, {**attributes, "name": f"{title} · true labels", "visible": False}, kind),
        (marks, about, points),
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
