"""`train deep-shape`: which subjects a fold leaves out, and what does not go with it."""

from pathlib import Path

import pytest

from napari_xray_landmarks.cli.train_volumes import without_fold
from napari_xray_landmarks.errors import InputError
from napari_xray_landmarks.training.volumes import Scan, VolumeSet

SCANS = tuple(Scan(f"{n}", subject=f"s{n // 2}", split="test" if n < 2 else "") for n in range(14))
DATASET = VolumeSet(Path("volumes"), SCANS)


def test_each_subject_is_left_out_once_and_those_to_test_on_are_never_seen():
    left_out = []
    for fold in (1, 2, 3):
        parts = without_fold(DATASET, 3, fold, seed=0)
        assert len(parts) == 12 and "s0" not in parts.subjects
        held = parts.of_split("validation").subjects
        assert not set(held) & set(parts.of_split("train").subjects)
        left_out += held
    assert sorted(left_out) == [f"s{n}" for n in range(1, 7)]


@pytest.mark.parametrize(("folds", "fold"), [(3, 4), (7, 1)])
def test_folds_that_are_not_there_are_refused(folds, fold):
    with pytest.raises(InputError):
        without_fold(DATASET, folds, fold, seed=0)
