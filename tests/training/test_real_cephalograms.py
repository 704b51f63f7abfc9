"""The real cephalograms, where they are at hand."""

import os
from pathlib import Path

import numpy as np
import pytest

from napari_xray_landmarks.training.films import validate
from napari_xray_landmarks.training.importers import import_training_set

DATA = Path(os.environ.get("XRAY_LANDMARKS_DATA", Path(__file__).parents[2].parent / "shared" / "data"))


@pytest.mark.realdata
@pytest.mark.skipif(not (DATA / "cephalograms").is_dir(), reason=f"no cephalograms under {DATA}")
def test_the_annotators_of_the_cephalograms_differ_as_published(tmp_path):
    dataset = import_training_set("isbi-cephalogram", DATA / "cephalograms", tmp_path / "set")
    first, second = dataset.points_px
    error = np.linalg.norm(first - second, axis=-1)
    assert len(dataset) == 60
    assert np.isfinite(error).sum() == 60 * 19 - 1
    assert np.nanmedian(error) == pytest.approx(8.56, abs=0.01)
    assert np.nanmean(error) == pytest.approx(11.50, abs=0.01)
    assert [(p.kind, p.film, p.line) for p in validate(dataset)] == [("missing", "002.png", "lacks l18 by farhadifar")]
