"""Damaged DICOM files of every coding end in a FileError: nothing else is raised, and the process lives."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_xray_landmarks import io
from napari_xray_landmarks.errors import FileError

FILES = ("MR_small.dcm", "MR_small_RLE.dcm", "MR_small_jp2klossless.dcm", "MR_small_jpeg_ls_lossless.dcm",
         "SC_rgb_jpeg_dcmtk.dcm", "SC_rgb_jpeg_gdcm.dcm", "JPGExtended.dcm", "image_dfl.dcm", "examples_palette.dcm")


@pytest.mark.parametrize("name", FILES)
@settings(deadline=None, max_examples=25)
@given(data=st.data())
def test_damage_is_one_line(tmp_path_factory, pydicom_file, name, data):
    content = bytearray(pydicom_file(name).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, min(len(content), 2000)) | st.integers(0, len(content)))
        removed, inserted = data.draw(st.integers(0, 20)), data.draw(st.binary(max_size=8))
        content[at:at + removed] = inserted
    if data.draw(st.booleans()):
        content = content[:data.draw(st.integers(0, len(content)))]
    path = tmp_path_factory.mktemp("d") / "damaged.dcm"
    path.write_bytes(content)
    try:
        io.load_images(path)
    except FileError as error:
        assert "\n" not in str(error) and "damaged.dcm" in str(error)
