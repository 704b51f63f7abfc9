"""Texts from the command line become values, or one line that says why not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_xray_landmarks.cli.options import Device, check_device, parse_assignments, parse_spacing
from napari_xray_landmarks.errors import InputError

positive = st.floats(1e-3, 900, allow_nan=False)


@given(positive, positive)
def test_spacing_reads_what_it_writes(row, column):
    assert parse_spacing(f"{row!r},{column!r}") == (row, column)
    assert parse_spacing(f"{row!r}") == (row, row)


@pytest.mark.parametrize("text", ["", "0", "-1", "nan", "inf", "1,2,3", "a", "0.2,", "1e9"])
def test_bad_spacing_is_refused(text):
    with pytest.raises(InputError, match="spacing-mm"):
        parse_spacing(text)


def test_no_spacing_stays_unknown():
    assert parse_spacing(None) is None


def test_assignments_become_values_by_name():
    assert parse_assignments(["alpha=0.2", "patch-range = 0.5", "method=forest"]) == {
        "alpha": "0.2",
        "patch_range": "0.5",
        "method": "forest",
    }
    assert parse_assignments(None) == {}


@pytest.mark.parametrize("assignments", [["alpha"], ["=1"], ["alpha="], ["alpha=1", "alpha=2"]])
def test_bad_assignments_are_refused(assignments):
    with pytest.raises(InputError, match="--set"):
        parse_assignments(assignments)


def test_a_missing_device_is_refused(monkeypatch):
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match="CUDA"):
        check_device(Device.cuda)
    check_device(Device.auto)
