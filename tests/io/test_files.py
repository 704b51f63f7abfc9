import os
import stat

import pytest

from napari_xray_landmarks.errors import FileError
from napari_xray_landmarks.io import files


def test_a_whole_file_takes_its_name(tmp_path):
    target = tmp_path / "a.nii.gz"
    with files.replacing(target) as temporary:
        assert temporary.parent == tmp_path and temporary.name.endswith("a.nii.gz") and temporary != target
        temporary.write_text("new")
        assert not target.exists()
    assert target.read_text() == "new"
    assert os.listdir(tmp_path) == ["a.nii.gz"]


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt, FileError])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, failure):
    target = tmp_path / "a.csv"
    target.write_text("old")
    with pytest.raises(failure), files.replacing(target) as temporary:
        temporary.write_text("half")
        raise failure("x", "y") if failure is FileError else failure
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.csv"]


def test_the_mode_of_an_existing_file_stays(tmp_path):
    target = tmp_path / "a.csv"
    target.write_text("old")
    target.chmod(0o640)
    with files.replacing(target) as temporary:
        temporary.write_text("new")
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real.csv").write_text("old")
    (tmp_path / "link.csv").symlink_to(tmp_path / "real.csv")
    with files.replacing(tmp_path / "link.csv") as temporary:
        temporary.write_text("new")
    assert (tmp_path / "link.csv").is_symlink() and (tmp_path / "real.csv").read_text() == "new"


def test_a_read_only_file_is_refused_and_stays(tmp_path):
    target = tmp_path / "a.csv"
    target.write_text("old")
    target.chmod(0o444)
    with pytest.raises(FileError, match="a.csv: is read-only"), files.replacing(target):
        raise AssertionError("must not be entered")
    assert target.read_text() == "old"


def test_a_read_only_folder_is_refused(tmp_path):
    folder = tmp_path / "locked"
    folder.mkdir()
    folder.chmod(0o555)
    try:
        with pytest.raises(FileError, match="is read-only"), files.replacing(folder / "a.csv"):
            raise AssertionError("must not be entered")
    finally:
        folder.chmod(0o755)


def test_a_missing_folder_and_a_folder_as_target_are_refused(tmp_path):
    with pytest.raises(FileError, match="there is no folder"), files.replacing(tmp_path / "no" / "a.csv"):
        pass
    with pytest.raises(FileError, match="is a folder"), files.replacing(tmp_path):
        pass


@pytest.mark.parametrize(("name", "suffix", "stem"), [
    ("a.nii.gz", ".nii.gz", "a"), ("A.MRK.JSON", ".mrk.json", "A"), ("f.1.dcm", ".dcm", "f.1"),
    ("CT.1.2.840.5", ".5", "CT.1.2.840.5"), ("IM0001", "", "IM0001"), (".csv", "", ".csv"),
])
def test_long_extensions_are_one_piece(name, suffix, stem):
    assert (files.suffix(name), files.stem(name)) == (suffix, stem)


def test_claims_are_refused_in_one_line_with_their_size():
    with pytest.raises(FileError, match=r"claims 2000 x 2000 x 2000 pixels \(16.0 GB\)") as caught:
        files.require_plausible_size("big.nii", (2000, 2000, 2000), 2)
    assert "\n" not in str(caught.value)
    with pytest.raises(FileError, match="truncated"):
        files.require_plausible_size("cut.nii", (10, 10), 2, stored_bytes=199)
    with pytest.raises(FileError, match="claims 0 x 5"):
        files.require_plausible_size("none.nii", (0, 5), 2)
    files.require_plausible_size("fine.nii", (10, 10), 2, stored_bytes=200)


def test_only_dicom_looks_like_dicom(tmp_path):
    samples = {
        "dicm": (b"\0" * 128 + b"DICM", True),
        "bare": (b"\x08\x00\x05\x00CS\x0a\x00ISO_IR 100", True),
        "text": (b"The quick brown fox jumps over the lazy dog" * 4, False),
        "png": (b"\x89PNG\r\n\x1a\n" + b"\0" * 200, False),
        "empty": (b"", False),
        "zeros": (b"\0" * 500, False),
    }
    for name, (content, expected) in samples.items():
        (tmp_path / name).write_bytes(content)
        assert files.looks_like_dicom(tmp_path / name) is expected, name
    assert not files.looks_like_dicom(tmp_path) and not files.looks_like_dicom(tmp_path / "missing")
