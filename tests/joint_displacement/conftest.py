"""Small joint problems with every patch drawn at random, and the made-up bone's model."""

import numpy as np
import pytest

from napari_xray_landmarks.joint_displacement.graph import patch_graph
from napari_xray_landmarks.joint_displacement.solver import JointProblem
from napari_xray_landmarks.joint_displacement.threads import one_thread
from napari_xray_landmarks.models import load_model


@pytest.fixture(scope="module", autouse=True)
def as_a_detection_runs_it():
    with one_thread():
        yield


@pytest.fixture(scope="session")
def make_problem():
    """A function that makes a `JointProblem`; displacements follow the features, with noise."""

    def make(seed=0, train=40, test=24, landmarks=4, k=5, weighted=False) -> JointProblem:
        rng = np.random.default_rng(seed)
        places = rng.uniform(-8, 8, (landmarks, 2))
        train_centres, centres = rng.uniform(-20, 20, (train, 2)), rng.uniform(-20, 20, (test, 2))
        look = rng.normal(size=(2, 6))
        features = [(c @ look + rng.normal(0, 3, (len(c), 6))).astype(np.float32) for c in (train_centres, centres)]
        graph = patch_graph(*features, k)
        displacements = places - train_centres[:, None] + rng.normal(0, 1, (train, landmarks, 2))
        if not weighted:
            return JointProblem(graph, displacements, centres)
        own = rng.uniform(0.1, 1, train + test)
        node = np.repeat(np.arange(train + test), graph.degree)
        return JointProblem(graph, displacements, centres, rng.uniform(0.1, 1, test), own[node] * own[graph.other])

    return make


@pytest.fixture(scope="session")
def detector(figure_model_file):
    """The made-up bone's detector, read from its file."""
    return load_model(figure_model_file).detector


@pytest.fixture(scope="session")
def patch_model(detector):
    return detector.model
