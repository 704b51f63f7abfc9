"""Small joint problems with every patch drawn at random, and the made-up bone's model."""

from dataclasses import replace

import numpy as np
import pytest

import figure
from napari_xray_landmarks.joint_displacement.graph import patch_graph
from napari_xray_landmarks.joint_displacement.outlines import learn
from napari_xray_landmarks.joint_displacement.reliability import Reliability
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


@pytest.fixture(scope="session")
def about():
    """What a training set of the made-up bone says of its outline."""
    names = ["head", "tip", "notch", "shaft-right", "knob", "foot", "shaft-left", "neck"]
    return {"contours": [{"name": "figure", "landmarks": names, "open_edges": [["foot", "knob"]]}],
            "circles": [{"name": "figure-head", "centre": "head", "rim": ["neck", "shaft-left"]}], "view": "ap"}


@pytest.fixture(scope="session")
def segmenter(detector, about):
    """The made-up bone's detector, which knows its outline; the confidence is not learnt."""
    shapes = [figure.figure(seed)[1].points for seed in range(30)]
    outlines = learn(about, detector.names, detector.model.formation.mean, shapes)
    outlines = replace(outlines, reliability=Reliability(4.0, (1.0, 1.0, 3.0, 0.0, 0.0)))
    return replace(detector, outlines=outlines)
