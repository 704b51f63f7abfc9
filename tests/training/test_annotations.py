"""A training set under a person's hands: nothing is lost, nothing of others is overwritten."""

import csv
import math
import os
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest
from PIL import Image

from napari_xray_landmarks.errors import FileError, InputError
from napari_xray_landmarks.landmarks import Schema
from napari_xray_landmarks.training import read_training_set
from napari_xray_landmarks.training.annotations import NOT_VISIBLE, FilmTime, open_annotations

SCHEMA = Schema("hand", ("tip", "knuckle", "wrist"), subshapes=(("tip", "knuckle"),))


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "images").mkdir()
    for name in ("a.png", "b.png", "c.png"):
        Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(tmp_path / "images" / name)
    return tmp_path


def opened(folder, annotator="anna"):
    found = open_annotations(folder, annotator)
    if not found.schema.names:
        found.set_schema(SCHEMA)
    return found


def rows(folder):
    with open(folder / "landmarks.csv", newline="") as file:
        return [tuple(row.values()) for row in csv.DictReader(file)]


def wait_until(holds, seconds=10):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.01)


def test_marks_reach_the_tables_by_themselves_and_are_read_again(folder):
    one = opened(folder)
    one.mark("b.png", "wrist", (3.5, 1.25))
    one.mark("b.png", "tip", (0.1, 7.0))
    one.mark("b.png", "knuckle", NOT_VISIBLE)
    wait_until(lambda: one.saved)
    assert rows(folder) == [("b.png", "tip", "0.1", "7.0", "anna"), ("b.png", "knuckle", "", "", "anna"),
                            ("b.png", "wrist", "3.5", "1.25", "anna")]
    one.close()
    dataset = read_training_set(folder)
    assert dataset.landmark_names == SCHEMA.names and dataset.annotators == ("anna",)
    assert dataset.landmarks("b.png")["wrist"].tolist() == [3.5, 1.25]
    again = opened(folder)
    assert again.schema == SCHEMA
    assert again.marks("b.png")["tip"] == (0.1, 7.0) and math.isnan(again.marks("b.png")["knuckle"][0])
    again.mark("b.png", "tip", None)
    again.close()
    assert [row[1] for row in rows(folder)] == ["knuckle", "wrist"]


def test_landmarks_keep_the_schemas_order_whatever_is_marked_first(folder):
    one = opened(folder)
    one.mark("c.png", "wrist", (1, 1))
    one.close()
    assert read_training_set(folder).landmark_names == SCHEMA.names, "also those that are marked nowhere yet"


def test_two_annotators_at_once_overwrite_nothing(folder):
    anna, ben = opened(folder), opened(folder, "ben")
    for i, image in enumerate(("a.png", "b.png", "c.png")):
        anna.mark(image, "tip", (i, 1))
        ben.mark(image, "tip", (i, 2))
    anna.close()
    ben.mark("a.png", "wrist", (5, 5))
    ben.close()
    dataset = read_training_set(folder)
    assert set(dataset.annotators) == {"anna", "ben"}
    assert np.array_equal(dataset.points_of("anna")[:, 0], [(0, 1), (1, 1), (2, 1)])
    assert np.array_equal(dataset.points_of("ben")[:, 0], [(0, 2), (1, 2), (2, 2)])
    anna = opened(folder)
    ben = opened(folder, "ben")
    ben.mark("a.png", "tip", (9, 9))
    ben.save()
    assert anna.marks("a.png", "ben")["tip"] == (0, 2)
    anna.refresh()
    assert anna.marks("a.png", "ben")["tip"] == (9, 9) and set(anna.annotators) == {"anna", "ben"}
    anna.close(), ben.close()


def test_rows_and_columns_of_others_stay_as_they_are(folder):
    (folder / "landmarks.csv").write_text("image,landmark,row_px,column_px,annotator,remark\n"
                                          "a,tip,1,2,ben,\"blurred, I think\"\na,tip,3,4,anna,old\n"
                                          "b.png,tip,5,6,anna,\n")
    anna = opened(folder)
    anna.mark("a.png", "tip", (7, 7))
    anna.close()
    assert rows(folder) == [("a", "tip", "1", "2", "ben", "blurred, I think"), ("b.png", "tip", "5", "6", "anna", ""),
                            ("a.png", "tip", "7.0", "7.0", "anna", "")]


def test_a_line_that_somebody_damaged_meanwhile_stays(folder):
    one = opened(folder)
    one.mark("a.png", "tip", (1, 2))
    one.save()
    (folder / "landmarks.csv").write_text("landmark,row_px,column_px,annotator,image\ntip,1\ntip,1,2,anna,a.png\n")
    one.mark("a.png", "tip", (3, 4))
    one.close()
    lines = (folder / "landmarks.csv").read_text().splitlines()
    assert lines == ["landmark,row_px,column_px,annotator,image", "tip,1,,,", "tip,3.0,4.0,anna,a.png"]


def test_a_set_without_the_column_of_annotators_gets_one(folder):
    (folder / "landmarks.csv").write_text("image,landmark,row_px,column_px\na.png,tip,1,2\n")
    anna = opened(folder)
    anna.mark("a.png", "tip", (7, 7))
    anna.close()
    assert rows(folder) == [("a.png", "tip", "1", "2", ""), ("a.png", "tip", "7.0", "7.0", "anna")]


def test_a_second_window_under_the_same_name_is_told(folder):
    one = opened(folder)
    with pytest.raises(InputError, match=rf"as 'anna' in another window \(process {os.getpid()} on .*another"):
        open_annotations(folder, " anna ")
    one.close()
    opened(folder).close()


def test_a_killed_window_loses_nothing_and_leaves_no_lock(folder):
    """Killed again and again in the middle of its work: every mark that it had made is there."""
    opened(folder).close()
    code = textwrap.dedent("""
        import itertools, sys
        from napari_xray_landmarks.training.annotations import open_annotations
        one = open_annotations(sys.argv[1], "anna")
        start = max((m["tip"][0] for i in ("a.png", "b.png", "c.png") if (m := one.marks(i))), default=-1)
        for number in itertools.count(int(start) + 1):
            one.mark(("a.png", "b.png", "c.png")[number % 3], "tip", (number, number / 7))
            print(number, flush=True)
    """)
    last = -1
    for after in (1, 200):
        process = subprocess.Popen([sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE, text=True)
        made = [int(process.stdout.readline()) for _ in range(after)]
        process.send_signal(signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
        made += [int(line) for line in process.stdout.read().splitlines() if line.strip()]
        process.wait()
        assert made[0] in (last + 1, last + 2), "it went on behind what the one before had marked"
        last = made[-1]
        one = opened(folder)
        found = {image: one.marks(image)["tip"] for image in ("a.png", "b.png", "c.png") if one.marks(image)}
        newest = max(found.values())
        assert newest[0] in (last, last + 1) and newest[1] == newest[0] / 7
        last = int(newest[0])
        one.close()
        assert one.saved and max(float(row[2]) for row in rows(folder)) == last, "the table is whole"


def test_a_damaged_journal_loses_its_damaged_lines_alone(folder):
    opened(folder).close()
    journal = folder / ".annotating" / "by-anna.journal"
    journal.write_bytes(b'\n{"image": "a.png", "landmark": "tip", "at": [1, 2]}\n{"image": "a.png", "landm\n'
                        b'\xff\xfe\n[1]\n{"image": "zzz.png", "landmark": "tip", "at": [1, 2]}\n'
                        b'{"image": "a.png", "landmark": "wrist", "at": "up"}\n{"image": "b.png", "landmark": "tip", '
                        b'"at": [null, null]}')
    one = opened(folder)
    assert dict(one.marks("a.png")) == {"tip": (1, 2)} and math.isnan(one.marks("b.png")["tip"][0])
    one.close()
    assert not journal.exists() and len(rows(folder)) == 2


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no full disk here")
def test_a_full_disk_is_told_and_what_was_marked_is_kept(folder):
    one = opened(folder)
    journal = folder / ".annotating" / "by-anna.journal"
    journal.symlink_to("/dev/full")
    one.mark("a.png", "tip", (1, 2))
    assert "No space left" in one.problem and one.marks("a.png")["tip"] == (1, 2)
    journal.unlink()
    one._journal._file.close()
    one._journal._file = None  # the disk has room again
    one.mark("a.png", "wrist", (3, 4))
    wait_until(lambda: one.saved)
    assert one.problem == "" and [row[1] for row in rows(folder)] == ["tip", "wrist"]
    one.close()


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_refused(folder):
    folder.chmod(0o555)
    try:
        with pytest.raises(FileError, match="cannot be written"):
            open_annotations(folder, "anna")
    finally:
        folder.chmod(0o755)


def test_a_read_only_table_is_told_and_taken_up_later(folder):
    one = opened(folder)
    one.mark("a.png", "tip", (1, 2))
    one.save()
    (folder / "landmarks.csv").chmod(0o444)
    one.mark("a.png", "wrist", (3, 4))
    wait_until(lambda: one.problem)
    assert "landmarks.csv" in one.problem and "read-only" in one.problem
    with pytest.raises(FileError):
        one.close()
    (folder / "landmarks.csv").chmod(0o644)
    again = opened(folder)
    assert again.marks("a.png") == {"tip": (1, 2), "wrist": (3, 4)}
    again.close()
    assert len(rows(folder)) == 2


def test_a_marked_landmark_cannot_leave_the_schema(folder):
    one = opened(folder)
    one.mark("a.png", "tip", (1, 2))
    with pytest.raises(InputError, match="tip: is marked in a.png by anna and cannot go"):
        one.set_schema(Schema("hand", ("wrist",)))
    one.set_schema(Schema("hand", ("palm", "wrist", "tip"), closed=True))
    one.close()
    dataset = read_training_set(folder)
    assert dataset.landmark_names == ("palm", "wrist", "tip") and dataset.about["schema"]["closed"]


def test_other_facts_in_about_json_stay(folder):
    (folder / "about.json").write_text('{"licence": "CC0-1.0", "contours": [1]}')
    opened(folder).close()
    about = read_training_set_about(folder)
    assert about["licence"] == "CC0-1.0" and about["contours"] == [1] and about["landmarks"] == list(SCHEMA.names)


def read_training_set_about(folder):
    from napari_xray_landmarks.training.tables import read_about

    return read_about(folder)[0]


def test_times_are_kept_beside_the_marks(folder):
    one = opened(folder)
    one.set_time("a.png", FilmTime(12.34, "figure"))
    one.close()
    ben = opened(folder, "ben")
    ben.set_time("a.png", FilmTime(50))
    ben.close()
    again = opened(folder)
    assert again.time("a.png") == FilmTime(12.3, "figure") and again.time("a.png", "ben") == FilmTime(50.0)
    assert again.time("b.png") == FilmTime(0.0)
    again.close()


@pytest.mark.parametrize("name", ["../../x", "con", "", "näme/ü", "a" * 60, ".."])
def test_any_name_is_a_file_in_the_folder(folder, name):
    before = set(folder.parent.rglob("*.journal"))
    one = opened(folder, name)
    one.mark("a.png", "tip", (1, 2))
    assert {p.parent for p in set(folder.parent.rglob("*.journal")) - before} == {folder / ".annotating"}
    one.close()
    assert read_training_set(folder).annotators == (name,)


@pytest.mark.parametrize("name", ["a\nb", "a" * 61])
def test_names_that_will_not_do(folder, name):
    with pytest.raises(InputError, match="is no name for an annotator"):
        open_annotations(folder, name)


def test_a_table_that_lost_its_columns_meanwhile_is_not_overwritten(folder):
    one = opened(folder)
    one.mark("a.png", "tip", (1, 2))
    one.save()
    (folder / "landmarks.csv").write_text("something,else\n1,2\n")
    one.mark("a.png", "wrist", (1, 2))
    wait_until(lambda: one.problem)
    assert "has no column 'image' any more" in one.problem
    with pytest.raises(FileError):
        one.close()
    assert (folder / "landmarks.csv").read_text() == "something,else\n1,2\n"
