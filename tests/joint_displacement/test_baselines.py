import numpy as np
import pytest

from napari_xray_landmarks.joint_displacement.baselines import (
    TREES,
    forest,
    forest_displacements,
    nearest_displacements,
)
from napari_xray_landmarks.joint_displacement.patches import PatchSet


@pytest.fixture(scope="module")
def patches():
    """Displacements to two landmarks that follow from the first two feature values."""
    rng = np.random.default_rng(0)
    features = rng.uniform(-1, 1, (1500, 8)).astype(np.float32)
    features[:, 2:] *= 0.05
    places = np.array([[3.0, 1.0], [-4.0, 6.0]])
    return PatchSet(features, places - 10 * features[:, None, :2], np.zeros(360), np.zeros((360, 8)))


def test_each_tree_votes_and_their_mean_is_the_forest(patches):
    new = np.random.default_rng(1).uniform(-0.9, 0.9, (50, 8)).astype(np.float32)
    new[:, 2:] *= 0.05
    votes = forest_displacements(patches, new)
    assert votes.shape == (50, TREES, 2, 2) and TREES == 5
    np.testing.assert_allclose(votes.mean(1).reshape(50, -1), forest(patches).predict(new), atol=1e-9)
    assert votes.std(1).max() > 0.01  # they do not all say the same
    truth = np.array([[3.0, 1.0], [-4.0, 6.0]]) - 10 * new[:, None, :2]
    assert np.abs(votes.mean(1) - truth).mean() < 1.0


def test_a_forest_is_fitted_once_and_by_its_seed(patches):
    assert forest(patches) is forest(patches)
    again = PatchSet(patches.features, patches.displacements, patches.mean, patches.basis)
    np.testing.assert_array_equal(forest_displacements(again, patches.features[:20]),
                                  forest_displacements(patches, patches.features[:20]))


def test_nearest_patches_vote_with_their_own_displacements(patches):
    votes = nearest_displacements(patches, np.array([[4, 9, 2], [7, 7, 0]]))
    assert votes.shape == (2, 3, 2, 2)
    np.testing.assert_array_equal(votes[0, 1], patches.displacements[9])
    np.testing.assert_array_equal(votes[1, 2], patches.displacements[0])
