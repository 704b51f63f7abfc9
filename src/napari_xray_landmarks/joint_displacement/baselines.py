"""What the joint estimate is compared with, over the same patches: a random forest and nearest neighbours."""

from functools import lru_cache

import numpy as np

from .patches import PatchSet

TREES = 5
_LEAF = 3


@lru_cache(maxsize=128)
def forest(patches: PatchSet, trees: int = TREES, seed: int = 0):
    """A regression forest from features to the displacements of all landmarks; kept for the next film.

    Patch sets compare by identity, so each is fitted once.
    """
    from sklearn.ensemble import RandomForestRegressor

    count = len(patches.features)
    model = RandomForestRegressor(trees, min_samples_leaf=_LEAF, max_features="sqrt", random_state=seed, n_jobs=2)
    return model.fit(patches.features, patches.displacements.reshape(count, -1))


def forest_displacements(patches: PatchSet, features: np.ndarray) -> np.ndarray:
    """(K, trees, L, 2) displacements: a vote of each tree for each of (K, p) patches, as a mean would hide modes."""
    fitted = forest(patches)
    landmarks = patches.displacements.shape[1]
    votes = [tree.predict(features).reshape(len(features), landmarks, 2) for tree in fitted.estimators_]
    return np.stack(votes, axis=1)


def nearest_displacements(patches: PatchSet, nearest: np.ndarray) -> np.ndarray:
    """(K, k, L, 2) displacements: a vote of each of the (K, k) nearest training patches."""
    return patches.displacements[nearest].astype(float)
