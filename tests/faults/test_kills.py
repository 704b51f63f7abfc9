"""A few kills of programs that write; `benchmarks/faults.py` does many."""

import numpy as np
import pytest

from napari_xray_landmarks.training.journals import Journal


@pytest.mark.parametrize("name", ["killed_writing", "killed_marking", "killed_training"])
def test_what_a_killed_program_leaves_is_whole_and_goes_on(benchmarks, tmp_path, name):
    import _fault_kills

    found = getattr(_fault_kills, name)(tmp_path, 2, np.random.default_rng(0))
    assert found.kills == 2 and found.checked > 3
    assert found.corrupt == 0 and found.same in (True, None)


def test_a_journal_whose_folder_went_and_came_back_has_everything(tmp_path):
    folder, away = tmp_path / "share", tmp_path / "away"
    folder.mkdir()
    journal = Journal(folder / "a.journal")
    journal.append({"n": 1})
    folder.rename(away)
    for number in (2, 3):
        with pytest.raises(OSError):
            journal.append({"n": number})
    away.rename(folder)
    journal.append({"n": 4})
    journal.close()
    assert [entry["n"] for entry in Journal(folder / "a.journal").entries()] == [1, 2, 3, 4]


def test_a_journal_that_was_removed_begins_again_and_loses_nothing_new(tmp_path):
    journal = Journal(tmp_path / "a.journal")
    journal.append({"n": 1})
    (tmp_path / "a.journal").unlink()
    journal.append({"n": 2})
    journal.close()
    assert [entry["n"] for entry in Journal(tmp_path / "a.journal").entries()] == [2]
