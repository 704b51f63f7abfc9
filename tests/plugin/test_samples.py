"""The sample menu, as napari calls it."""

import numpy as np
import pytest
from napari.components import ViewerModel
from npe2 import PluginManifest

from napari_xray_landmarks.phantoms import SCHEMAS
from napari_xray_landmarks.plugin import samples
from napari_xray_landmarks.plugin.film_geometry import arm_of_document
from napari_xray_landmarks.plugin.volumes import why_not_segmentable

ANATOMY = {"pelvis": "pelvis", "pelvis-with-implants": "pelvis", "proximal-femur": "proximal-femur",
           "spine": "spine"}


def _manifest() -> PluginManifest:
    return PluginManifest.from_distribution("napari-xray-landmarks")


def test_the_manifest_offers_every_sample_and_its_commands_exist():
    manifest = _manifest()
    commands = {c.id: c.python_name for c in manifest.contributions.commands}
    found = {s.key: commands[s.command] for s in manifest.contributions.sample_data}
    assert set(found) == {*ANATOMY, "pelvis-ct", "pelvis-two-views", "knee-mr"}
    for python_name in found.values():
        module, _, name = python_name.partition(":")
        assert module == samples.__name__ and callable(getattr(samples, name))


@pytest.mark.parametrize("key, make", [("pelvis", samples.pelvis), ("proximal-femur", samples.proximal_femur)])
def test_a_sample_opens_as_film_outlines_and_landmarks_in_one_frame(key, make):
    viewer = ViewerModel()
    for data, attributes, kind in make():
        getattr(viewer, f"add_{kind}")(data, **attributes)
    film, outlines, landmarks = viewer.layers
    assert {str(u) for layer in viewer.layers for u in layer.units} == {"millimeter"}
    assert {tuple(layer.axis_labels) for layer in viewer.layers} == {("row", "column")}
    for layer in (outlines, landmarks):
        np.testing.assert_allclose(layer.scale, film.scale)
    assert tuple(landmarks.features["name"]) == SCHEMAS[key].names
    inside = (landmarks.data >= 0) & (landmarks.data <= np.array(film.data.shape) - 1)
    assert inside.all() and len(outlines.data) >= 1


def test_metal_shows_in_the_sample_with_implants():
    (film, _, _), (plain, _, _) = samples.pelvis_with_implants(), samples.film_layers(
        "pelvis", samples.WITH_IMPLANTS, implant=False)
    white, white_without = ((f[0] == f[0].max()).sum() for f in (film, plain))
    assert white > white_without + 2000  # a stem of 9 x 120 mm and more, in pixels of 0.74 mm


def test_the_ct_sample_lies_in_one_world_with_its_bones_and_landmarks():
    viewer = ViewerModel()
    for data, attributes, kind in samples.pelvis_ct():
        getattr(viewer, f"add_{kind}")(data, **attributes)
    ct, labels, landmarks = viewer.layers
    assert (type(ct).__name__, type(labels).__name__, type(landmarks).__name__) == ("Image", "Labels", "Points")
    assert {str(u) for layer in viewer.layers for u in layer.units} == {"millimeter"}
    np.testing.assert_allclose(labels.extent.world, ct.extent.world)
    assert tuple(landmarks.features["name"]) == SCHEMAS["pelvis"].names
    heads = [labels.get_value(p, world=True) for n, p in zip(landmarks.features["name"], landmarks.data, strict=True)
             if n.startswith("femoral-head")]
    assert all(heads), "the centres of the heads lie in labelled bone"


def test_the_radiographs_of_a_ct_come_with_landmarks_and_their_geometry():
    viewer = ViewerModel()
    for data, attributes, kind in samples.pelvis_two_views():
        getattr(viewer, f"add_{kind}")(data, **attributes)
    ct, in_space, *films = viewer.layers
    assert not ct.visible and tuple(in_space.features["name"]) == SCHEMAS["pelvis"].names
    for film, marks in (films[:2], films[2:]):
        truth = arm_of_document(film.metadata["napari_xray_landmarks"]["geometry"])
        there = [list(in_space.features["name"]).index(name) for name in marks.features["name"]]
        off = marks.data - truth.camera().project(in_space.data[there])
        assert len(there) >= 12 and 0.5 < np.sqrt((off**2).mean()) < 3, "as a person places them, not exact"
    assert [layer.visible for layer in films] == [False, False, True, True]


def test_the_knee_can_be_segmented_and_hides_the_truth():
    viewer = ViewerModel()
    for data, attributes, kind in samples.knee_layers(samples.SUBJECT, spacing_mm=2.0):
        getattr(viewer, f"add_{kind}")(data, **attributes)
    mr, labels, landmarks = viewer.layers
    assert why_not_segmentable(mr) is None and not labels.visible and not landmarks.visible
    np.testing.assert_allclose(labels.extent.world, mr.extent.world)
    at = dict(zip(landmarks.features["name"], landmarks.data, strict=True))
    assert at["medial-epicondyle"][0] > at["tuberosity"][0], "the femur above the tibia"
    assert at["tuberosity"][1] < at["medial-condyle-posterior"][1], "the tuberosity in front"
