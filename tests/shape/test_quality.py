import numpy as np
import pytest

from napari_xray_landmarks.geometry.similarity import apply, similarity, similarity_from_points
from napari_xray_landmarks.shape.point_distribution import PointDistributionModel
from napari_xray_landmarks.shape.quality import quality


@pytest.fixture(scope="module")
def shapes(model):
    rng = np.random.default_rng(0)
    return np.array([apply(similarity(1, a, (5, a)), model.sample(rng)) for a in rng.uniform(-180, 180, 15)])


@pytest.fixture(scope="module")
def measured(shapes):
    return quality(shapes, samples=60)


def test_compactness_is_the_share_of_the_variance(shapes, measured):
    model = PointDistributionModel.fit(shapes, retained=1.0)
    assert measured.compactness[0] == 0 and measured.compactness[-1] == pytest.approx(1)
    assert measured.compactness[2] == pytest.approx(model.variances[:2].sum() / model.variances.sum())
    assert measured.compactness[2] > 0.99, "two modes made the shapes"


def test_generalisation_leaves_each_shape_out(shapes, measured):
    errors = []
    for i, shape in enumerate(shapes):
        model = PointDistributionModel.fit(np.delete(shapes, i, 0), retained=1.0).with_modes(1)
        turned = similarity_from_points(shape, model.mean)
        own = apply(turned, shape)
        away = np.linalg.norm(model.shape(model.coefficients(own)) - own, axis=1).mean()
        errors.append(away / abs(np.linalg.det(turned[:2, :2])) ** 0.5)
    assert measured.generalisation[1] == pytest.approx(np.mean(errors))
    assert measured.generalisation_sd[1] == pytest.approx(np.std(errors, ddof=1))
    assert 3 <= len(measured.generalisation) <= 14
    assert measured.generalisation[2] < 0.15 * measured.generalisation[0]


def test_specificity_is_the_distance_from_the_nearest_shape(shapes, measured, model):
    mean = PointDistributionModel.fit(shapes, retained=1.0).mean
    aligned = [apply(similarity_from_points(shape, mean), shape) for shape in shapes]
    nearest = min(np.linalg.norm(shape - mean, axis=1).mean() for shape in aligned)
    assert measured.specificity[0] == pytest.approx(nearest)
    assert measured.specificity_sd[0] == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose(measured.specificity[3:], measured.specificity[2], rtol=0.05)
    rng = np.random.default_rng(1)
    more = quality([model.sample(rng) for _ in range(60)], samples=60)
    assert more.specificity[2] < measured.specificity[2], "the more shapes there are, the nearer one lies"


def test_progress_is_told_and_the_same_numbers_give_the_same(shapes, measured):
    seen = []
    again = quality(shapes, samples=60, progress=lambda fraction, stage="": seen.append(fraction))
    np.testing.assert_array_equal(again.specificity, measured.specificity)
    assert seen == sorted(seen) and seen[-1] == pytest.approx(1)


def test_two_shapes_are_too_few(shapes):
    with pytest.raises(ValueError, match="at least 3"):
        quality(shapes[:2])
