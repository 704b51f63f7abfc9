import subprocess
import sys

import pytest

from napari_xray_landmarks import io
from napari_xray_landmarks.errors import FileError
from napari_xray_landmarks.landmarks import Contour, LandmarkSet


def test_importing_the_room_loads_no_heavy_library():
    code = ("import sys, napari_xray_landmarks.io; "
            "print({'SimpleITK', 'pydicom', 'pandas', 'skimage', 'PIL', 'tifffile', 'napari'} & set(sys.modules))")
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "set()"


@pytest.mark.parametrize("name", ["a.txt", "a.xlsx", "a", "a.json"])
def test_unknown_formats_say_what_would_do(tmp_path, name):
    with pytest.raises(FileError, match=r".mrk.json, .fcsv, .csv"):
        io.save_landmarks(tmp_path / name, LandmarkSet(("a",), [[1, 2]]))
    with pytest.raises(FileError, match=r"Use .mrk.json or .csv"):
        io.write_contours(tmp_path / name, [Contour([[0, 1], [2, 3], [4, 1]])])
    (tmp_path / name).write_text("hello, this is text")
    with pytest.raises(FileError, match="Give DICOM, NIfTI"):
        io.load_image(tmp_path / name)
    with pytest.raises(FileError):
        io.load_landmarks(tmp_path / name)


@pytest.mark.parametrize("load", [io.load_image, io.load_landmarks, io.read_contours, io.read_detections])
@pytest.mark.parametrize("name", ["missing.csv", "missing.dcm", "missing.mrk.json", "nul\0.csv", "x" * 300 + ".csv"])
def test_missing_files_are_one_line(load, name):
    with pytest.raises(FileError) as caught:
        load(name)
    assert "\n" not in str(caught.value)


def test_a_plain_json_with_markups_is_read(tmp_path):
    io.save_landmarks(tmp_path / "a.mrk.json", LandmarkSet(("a",), [[1, 2]]))
    (tmp_path / "a.mrk.json").rename(tmp_path / "a.json")
    assert io.load_landmarks(tmp_path / "a.json").names == ("a",)
