"""Images of knees agree with the knee that they are of."""

import numpy as np
import pytest

from napari_xray_landmarks.phantoms import PHANTOMS, phantom
from napari_xray_landmarks.phantoms.knee import BONES, knee
from napari_xray_landmarks.phantoms.knee_fields import CARTILAGE
from napari_xray_landmarks.phantoms.knee_images import knee_phantom

SPACING = 2.0


@pytest.fixture(scope="module")
def person():
    return knee(2, "left")


@pytest.fixture(scope="module")
def images(person):
    made = {name: knee_phantom(2, sequence=name, spacing_mm=SPACING, person=person) for name in ("dess", "t1", "pd")}
    return made | {"ct": knee_phantom(2, modality="CT", spacing_mm=SPACING, person=person)}


def mean(made, *labels: str) -> float:
    inside = np.isin(made.labels.voxels, [made.label_names[n] for n in labels])
    return float(made.volume.voxels[inside].mean())


def test_labels_are_what_the_shapes_say(images, person):
    made = images["dess"]
    labels, matrix = made.labels.voxels, made.labels.world_from_voxel
    rng = np.random.default_rng(0)
    voxels = np.column_stack([rng.integers(0, n, 60_000) for n in labels.shape])
    points, values = voxels @ matrix[:3, :3].T + matrix[:3, 3], labels[tuple(voxels.T)]
    for bone in BONES:
        distance, thickness = person.bones[bone].distance_mm(points), person.bones[bone].read(points, CARTILAGE)
        np.testing.assert_array_equal(values == made.label_names[bone], distance <= 0)
        if bone != "fibula":
            name = {"femur": "femoral", "tibia": "tibial", "patella": "patellar"}[bone] + "-cartilage"
            covered = (distance > 0) & (distance < thickness) & (thickness > 0.05)
            np.testing.assert_array_equal(values == made.label_names[name], covered)
    menisci = np.isin(values, [made.label_names["medial-meniscus"], made.label_names["lateral-meniscus"]])
    for bone in ("femur", "tibia"):
        between = person.bones[bone].distance_mm(points[menisci]) - person.bones[bone].read(points[menisci], CARTILAGE)
        assert menisci.sum() > 10 and between.min() > 0


def test_every_structure_has_a_plausible_volume(images):
    made = images["dess"]
    ml = {n: (made.labels.voxels == v).sum() * SPACING**3 / 1000 for n, v in made.label_names.items()}
    assert set(np.unique(made.labels.voxels)) == {0, *made.label_names.values()}
    for name, low, high in (("femur", 80, 260), ("tibia", 60, 220), ("patella", 7, 32), ("femoral-cartilage", 5, 22),
                            ("tibial-cartilage", 1.5, 9), ("medial-meniscus", 0.8, 6), ("lateral-meniscus", 0.8, 6)):
        assert low < ml[name] < high, (name, ml[name])


def test_each_sequence_has_its_contrast(images):
    dess, t1 = images["dess"], images["t1"]
    assert mean(dess, "femoral-cartilage") > 2 * mean(dess, "femur")
    assert mean(dess, "medial-meniscus") < 0.6 * mean(dess, "femoral-cartilage")
    assert mean(t1, "femur") > 1.2 * mean(t1, "femoral-cartilage")
    assert mean(images["pd"], "tibia") > 1.2 * mean(images["pd"], "lateral-meniscus")
    assert mean(images["ct"], "femur") > 200 > mean(images["ct"], "lateral-meniscus")
    assert (images["ct"].volume.voxels < -900).mean() > 0.03
    for name, made in images.items():
        assert made.volume.modality == ("CT" if name == "ct" else "MR")
        np.testing.assert_array_equal(made.labels.voxels, dess.labels.voxels)


def test_background_noise_is_that_of_a_magnitude_image(images):
    corner = images["dess"].volume.voxels[:, :3, :3].astype(float)
    assert corner.mean() / corner.std() == pytest.approx(np.sqrt(np.pi / (4 - np.pi)), rel=0.12)  # Rayleigh


def test_a_right_knee_is_the_mirror_image_of_a_left_one():
    left, right = (knee_phantom(1, side=side, spacing_mm=3.0) for side in ("left", "right"))
    np.testing.assert_array_equal(left.volume.voxels, right.volume.voxels[:, :, ::-1])
    np.testing.assert_array_equal(left.labels.voxels, right.labels.voxels[:, :, ::-1])
    np.testing.assert_allclose(left.landmarks.points, right.landmarks.points * (1, 1, -1))
    matrix, last = left.volume.world_from_voxel, left.volume.shape[2] - 1
    assert matrix[2, 3] == pytest.approx(-(matrix[2, 3] + matrix[2, 2] * last))  # the grid mirrors onto itself
    assert right.landmarks["lateral-epicondyle"][2] < 0 < left.landmarks["lateral-epicondyle"][2]


def test_the_same_subject_gives_the_same_image(person):
    one, again = (knee_phantom(2, spacing_mm=3.0, side="left") for _ in range(2))
    np.testing.assert_array_equal(one.volume.voxels, again.volume.voxels)
    other = knee_phantom(3, spacing_mm=3.0, side="left")
    assert (one.labels.voxels != other.labels.voxels).mean() > 0.02


def test_thick_slices_blur_across_but_keep_their_labels(person):
    thin, thick = (knee_phantom(2, spacing_mm=(2.0, 2.0, d), person=person) for d in (2.0, 6.0))
    assert thick.volume.spacing_mm == (2.0, 2.0, 6.0) and thick.volume.shape[2] == round(116 / 6)
    share = [(made.labels.voxels == 1).mean() for made in (thin, thick)]
    assert share[0] == pytest.approx(share[1], rel=0.05)


def test_it_is_to_be_had_by_its_name():
    assert "knee" in PHANTOMS
    made = phantom("knee", 1, spacing_mm=4.0)
    assert made.volume.modality == "MR" and not made.has_implant and len(made.landmarks) == 24


@pytest.mark.parametrize("wrong, message", [
    ({"modality": "US"}, "'US'"), ({"sequence": "flair"}, "'flair'"), ({"spacing_mm": -1.0}, "-1.0"),
    ({"spacing_mm": float("nan")}, "nan"), ({"implant": True}, "implant"), ({"side": "both"}, "'both'"),
])
def test_what_cannot_be_is_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        knee_phantom(0, **wrong)
