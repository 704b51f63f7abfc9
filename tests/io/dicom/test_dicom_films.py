import logging
import warnings

import numpy as np
import pytest
from pydicom import Dataset, Sequence, dcmread
from pydicom.uid import RLELossless, SecondaryCaptureImageStorage

from napari_xray_landmarks import io
from napari_xray_landmarks.errors import FileError
from napari_xray_landmarks.imaging import Radiograph

PIXELS = (np.arange(48, dtype=np.uint16) * 20).reshape(6, 8)


def test_grey_values_come_through(tmp_path, write_dicom):
    film = io.load_image(write_dicom(tmp_path / "hip.dcm", PIXELS, PixelSpacing=["0.1", "0.2"]))
    assert isinstance(film, Radiograph) and film.name == "hip"
    assert np.array_equal(film.pixels, PIXELS) and film.pixels.dtype == np.uint16
    assert film.spacing_mm == (0.1, 0.2) and film.display_range is None


def test_monochrome1_is_inverted_with_its_window(tmp_path, write_dicom):
    film = io.load_image(write_dicom(tmp_path / "a.dcm", PIXELS, PhotometricInterpretation="MONOCHROME1", BitsStored=10,
                                     HighBit=9, WindowCenter="100", WindowWidth="51"))
    assert np.array_equal(film.pixels, 1023 - PIXELS.astype(int))
    assert film.display_range == (1023 - 124.5, 1023 - 74.5)


def test_signed_monochrome1_is_inverted(tmp_path, write_dicom):
    film = io.load_image(write_dicom(tmp_path / "a.dcm", (PIXELS.astype(np.int16) - 400),
                                     PhotometricInterpretation="MONOCHROME1"))
    assert np.array_equal(film.pixels, -1 - (PIXELS.astype(int) - 400))


def test_whole_rescales_stay_whole_and_others_become_floats(tmp_path, write_dicom):
    whole = io.load_image(write_dicom(tmp_path / "a.dcm", PIXELS, RescaleSlope="1", RescaleIntercept="-100"))
    assert whole.pixels.dtype.kind == "i" and np.array_equal(whole.pixels, PIXELS.astype(int) - 100)
    half = io.load_image(write_dicom(tmp_path / "b.dcm", PIXELS, RescaleSlope="0.5", RescaleIntercept="3"))
    assert half.pixels.dtype == np.float32 and np.allclose(half.pixels, PIXELS * 0.5 + 3)


def test_rescaled_monochrome1_is_inverted_after_the_rescale(tmp_path, write_dicom):
    film = io.load_image(write_dicom(tmp_path / "a.dcm", PIXELS, PhotometricInterpretation="MONOCHROME1", BitsStored=10,
                                     HighBit=9, RescaleSlope="2", RescaleIntercept="10", WindowCenter="500.5",
                                     WindowWidth="101"))
    assert np.allclose(film.pixels, 2066 - (PIXELS * 2.0 + 10))
    assert film.display_range == (2066 - 550, 2066 - 450)


@pytest.mark.parametrize(("function", "expected"), [
    (None, (74.5, 124.5)), ("LINEAR_EXACT", (74.5, 125.5)), ("SIGMOID", (74.5, 125.5)),
])
def test_the_window_follows_its_function(tmp_path, write_dicom, function, expected):
    more = {} if function is None else {"VOILUTFunction": function}
    film = io.load_image(write_dicom(tmp_path / "a.dcm", PIXELS, WindowCenter=["100", "5"], WindowWidth=["51", "9"],
                                     **more))
    assert film.display_range == expected


@pytest.mark.parametrize("window", [("100", "0"), ("99999", "10"), ("", "")])
def test_a_window_that_shows_nothing_is_left_out(tmp_path, write_dicom, window):
    film = io.load_image(write_dicom(tmp_path / "a.dcm", PIXELS, WindowCenter=window[0], WindowWidth=window[1]))
    assert film.display_range is None


def lut(first: int, values) -> Sequence:
    item = Dataset()
    item.LUTDescriptor = [len(values), first, 16]
    item.LUTData = np.asarray(values, "<u2").tobytes()
    item.ModalityLUTType = "US"
    return Sequence([item])


def test_a_voi_lut_gives_the_range_in_which_it_rises(tmp_path, write_dicom):
    ramp = np.clip((np.arange(1000) - 200) * 100, 0, 60000)
    film = io.load_image(write_dicom(tmp_path / "a.dcm", PIXELS, VOILUTSequence=lut(0, ramp)))
    assert film.display_range == pytest.approx((213, 787), abs=2)


def test_a_modality_lut_is_applied(tmp_path, write_dicom):
    film = io.load_image(write_dicom(tmp_path / "a.dcm", PIXELS, ModalityLUTSequence=lut(0, np.arange(1000) * 2)))
    assert np.array_equal(film.pixels, PIXELS.astype(int) * 2)


def test_a_colour_capture_becomes_grey_and_says_so(tmp_path, write_dicom):
    colour = np.zeros((4, 6, 3), np.uint8)
    colour[..., 0] = 200
    film = io.load_image(write_dicom(tmp_path / "a.dcm", colour, SecondaryCaptureImageStorage, Modality="OT"))
    assert film.pixels.shape == (4, 6) and (film.pixels == 60).all() and "grey" in film.header["colour"]


def test_a_run_gives_a_radiograph_a_frame(tmp_path, write_dicom):
    run = np.stack([PIXELS, PIXELS + 1, PIXELS + 2])
    path = write_dicom(tmp_path / "run.dcm", run, Modality="XA", ImagerPixelSpacing=["0.3", "0.3"])
    films = io.load_images(path)
    assert [f.name for f in films] == [f"run · frame {i} of 3" for i in (1, 2, 3)]
    assert [f.header["frame"] for f in films] == [1, 2, 3]
    assert all(np.array_equal(f.pixels, p) for f, p in zip(films, run, strict=True))
    with pytest.raises(FileError, match="holds 3 images"):
        io.load_image(path)


def test_view_angles_and_distances_are_kept(tmp_path, write_dicom):
    film = io.load_image(write_dicom(tmp_path / "a.dcm", PIXELS, Modality="XA", PositionerPrimaryAngle="30",
                                     PositionerSecondaryAngle="-10", DistanceSourceToDetector="1200",
                                     ViewPosition="AP"))
    assert film.header["positioner_primary_angle"] == 30 and film.header["positioner_secondary_angle"] == -10
    assert film.header["distance_source_to_detector"] == 1200 and film.header["view_position"] == "AP"


def test_the_patient_stays_in_the_file(tmp_path, write_dicom, caplog, capfd):
    path = write_dicom(tmp_path / "film.dcm", PIXELS, BodyPartExamined="Secret Patient's hip", ViewPosition="AP",
                       PixelSpacing=["0.2", "0.2"], StudyDate="Secret")
    with caplog.at_level(logging.DEBUG), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        film = io.load_image(path)
    told = f"{film!r} {dict(film.header)} {caplog.text} {[str(w.message) for w in caught]} {capfd.readouterr()}"
    assert "secret" not in told.lower() and "1900" not in told


def test_errors_do_not_name_the_patient(tmp_path, write_dicom):
    path = write_dicom(tmp_path / "film.dcm", PIXELS)
    whole = path.read_bytes()
    for length in range(140, len(whole), 37):
        path.write_bytes(whole[:length])
        try:
            io.load_image(path)
        except FileError as error:
            assert "secret" not in str(error).lower()


def test_a_cut_file_is_refused_wherever_it_is_cut(tmp_path, write_dicom):
    path = write_dicom(tmp_path / "film.dcm", PIXELS)
    whole = path.read_bytes()
    for length in range(1, len(whole), 11):
        path.write_bytes(whole[:length])
        with pytest.raises(FileError, match="film.dcm") as caught:
            io.load_image(path)
        assert "\n" not in str(caught.value)


def test_text_named_dcm_is_one_line(tmp_path):
    (tmp_path / "a.dcm").write_text("Dear colleague,\nhere is the film.\n" * 9)
    with pytest.raises(FileError, match=r"a.dcm: is not a DICOM file"):
        io.load_image(tmp_path / "a.dcm")
    (tmp_path / "e.dcm").write_bytes(b"")
    with pytest.raises(FileError, match=r"e.dcm: is empty"):
        io.load_image(tmp_path / "e.dcm")


def test_16_gb_are_refused_before_the_pixels_are_read(tmp_path, write_dicom):
    path = write_dicom(tmp_path / "a.dcm", PIXELS, Rows=40000, Columns=50000, NumberOfFrames=4)
    with pytest.raises(FileError, match=r"claims 4 x 40000 x 50000 pixels \(16.0 GB\)"):
        io.load_image(path)
    path = write_dicom(tmp_path / "b.dcm", PIXELS, Rows=30000, Columns=30000)
    with pytest.raises(FileError, match=r"truncated: 96 of 1800000000 bytes"):
        io.load_image(path)


@pytest.mark.parametrize(("elements", "problem"), [
    ({"Rows": 0}, "claims 1 x 0 x 8"), ({"BitsAllocated": 7}, "7 bits"), ({"SamplesPerPixel": 2}, "2 samples"),
    ({"Modality": "SEG"}, "SEG object"), ({"PixelData": None}, "no pixel data"), ({"Rows": None}, "holds no image"),
])
def test_impossible_headers_say_what(tmp_path, write_dicom, elements, problem):
    with pytest.raises(FileError, match=problem):
        io.load_image(write_dicom(tmp_path / "a.dcm", PIXELS, **elements))


def test_rle_is_read(tmp_path, write_dicom):
    ds = dcmread(write_dicom(tmp_path / "a.dcm", PIXELS))
    ds.compress(RLELossless)
    ds.save_as(tmp_path / "rle.dcm")
    assert np.array_equal(io.load_image(tmp_path / "rle.dcm").pixels, PIXELS)


@pytest.mark.parametrize("name", [
    "MR_small_RLE.dcm", "MR_small_jp2klossless.dcm", "MR_small_jpeg_ls_lossless.dcm", "MR_small_bigendian.dcm",
    "MR_small_implicit.dcm", "MR_small_expb.dcm", "MR_small_padded.dcm",
])
def test_every_lossless_coding_of_one_image_agrees(pydicom_file, name):
    plain = io.load_image(pydicom_file("MR_small.dcm"))
    other = io.load_image(pydicom_file(name))
    assert np.array_equal(other.voxels, plain.voxels)
    assert np.array_equal(other.world_from_voxel, plain.world_from_voxel)


def test_12_bit_jpeg_is_read(pydicom_file):
    pixels = io.load_image(pydicom_file("JPGExtended.dcm")).pixels
    assert pixels.shape == (1024, 256) and (pixels[420, 140], pixels[230, 120]) == (244, 95)


@pytest.mark.parametrize("name", ["SC_rgb_jpeg_dcmtk.dcm", "SC_rgb_rle.dcm", "SC_rgb_dcmtk_+eb+cr.dcm",
                                  "SC_rgb_jpeg_gdcm.dcm", "SC_rgb_dcmtk_+eb+cy+np.dcm"])
def test_colour_captures_of_one_picture_agree(pydicom_file, name):
    plain = io.load_image(pydicom_file("SC_rgb_gdcm_KY.dcm")).pixels.astype(int)
    difference = np.abs(io.load_image(pydicom_file(name)).pixels - plain)
    assert difference.mean() < 0.5 and difference.max() <= 8


def test_every_file_that_pydicom_ships_opens_or_says_why(pydicom_file):
    folder = pydicom_file("CT_small.dcm").parent
    opened = 0
    for path in sorted(p for p in folder.iterdir() if p.is_file()):
        try:
            images = io.load_images(path)
        except FileError as error:
            assert "\n" not in str(error) and path.name in str(error)
        else:
            opened += 1
            assert all(image.header["file"] == path.name for image in images)
    assert opened >= 50


@pytest.mark.realdata
def test_the_real_films(real_data):
    films = {n: io.load_image(real_data / "dicom-films" / f"{n}.dcm")
             for n in ("RG1_J2KI", "RG2_J2KR", "RG3_J2KI", "XA1_J2KI")}
    assert {n: f.spacing_mm for n, f in films.items()} == {
        "RG1_J2KI": None, "RG2_J2KR": (0.2, 0.2), "RG3_J2KI": None, "XA1_J2KI": None}
    assert films["RG2_J2KR"].shape == (2140, 1760)
    for name in ("RG1_J2KI", "RG3_J2KI"):
        film = films[name]
        bits, photometric = {"RG1_J2KI": 15, "RG3_J2KI": 10}[name], film.header["photometric_interpretation"]
        stored = dcmread(real_data / "dicom-films" / f"{name}.dcm").pixel_array
        assert photometric == "MONOCHROME1" and np.array_equal(film.pixels, 2**bits - 1 - stored)
    for path in sorted((real_data / "hip-dicom").glob("*.dcm")):
        film = io.load_image(path)
        assert film.shape == (331, 331) and film.spacing_mm is None and np.ptp(film.pixels) > 100


@pytest.mark.realdata
def test_a_real_film_that_is_cut_is_refused(real_data, tmp_path):
    whole = (real_data / "dicom-films" / "RG2_J2KR.dcm").read_bytes()
    for share in (0.001, 0.05, 0.5, 0.9, 0.99999):
        (tmp_path / "cut.dcm").write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(FileError, match="cut.dcm"):
            io.load_image(tmp_path / "cut.dcm")
