import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from napari_xray_landmarks import io
from napari_xray_landmarks.errors import FileError
from napari_xray_landmarks.io.grey import grey

GREY = np.arange(20, dtype=np.uint8).reshape(4, 5) * 10


@pytest.mark.parametrize("ending", [".png", ".tif", ".bmp", ".PNG"])
def test_grey_pictures_are_exact(tmp_path, ending):
    Image.fromarray(GREY).save(tmp_path / f"a{ending}")
    film = io.load_image(tmp_path / f"a{ending}")
    assert np.array_equal(film.pixels, GREY) and film.pixels.dtype == np.uint8 and film.name == "a"


@pytest.mark.parametrize("ending", [".png", ".tiff"])
def test_16_bits_stay_16_bits(tmp_path, ending):
    deep = GREY.astype(np.uint16) * 300
    Image.fromarray(deep).save(tmp_path / f"a{ending}")
    film = io.load_image(tmp_path / f"a{ending}")
    assert film.pixels.dtype == np.uint16 and np.array_equal(film.pixels, deep)


def test_resolution_tags_are_no_spacing(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", GREY, resolution=(100, 100), resolutionunit="CENTIMETER")
    Image.fromarray(GREY).save(tmp_path / "a.png", dpi=(254, 254))
    for name in ("a.tif", "a.png"):
        assert io.load_image(tmp_path / name).spacing_mm is None
    film = io.load_image(tmp_path / "a.tif", spacing_mm=(0.2, 0.3))
    assert (film.spacing_mm, film.spacing_source) == ((0.2, 0.3), "given")
    with pytest.raises(FileError, match="positive"):
        io.load_image(tmp_path / "a.tif", spacing_mm=(0, 1))


def test_colour_is_luminance_and_alpha_is_dropped(tmp_path):
    colour = np.stack([GREY, GREY // 2, GREY * 0 + 7], -1)
    expected = np.rint(0.299 * colour[..., 0] + 0.587 * colour[..., 1] + 0.114 * colour[..., 2])
    Image.fromarray(colour).save(tmp_path / "rgb.png")
    Image.fromarray(np.dstack([colour, GREY])).save(tmp_path / "rgba.png")
    tifffile.imwrite(tmp_path / "planar.tif", np.moveaxis(colour, -1, 0), photometric="rgb", planarconfig="separate")
    Image.fromarray(np.dstack([GREY, GREY]), "LA").save(tmp_path / "la.png")
    for name in ("rgb.png", "rgba.png", "planar.tif"):
        film = io.load_image(tmp_path / name)
        assert np.array_equal(film.pixels, expected), name
        assert "grey" in film.header["colour"]
    assert np.array_equal(io.load_image(tmp_path / "la.png").pixels, GREY)


@given(st.integers(0, 2**16 - 1), st.sampled_from([3, 4]))
def test_equal_channels_come_back_exactly(value, channels):
    pixels = np.full((2, 3, channels), value, np.uint16)
    assert (grey(pixels) == value).all()


def test_white_is_zero_tiff_is_inverted(tmp_path):
    tifffile.imwrite(tmp_path / "w.tif", GREY, photometric="miniswhite")
    assert np.array_equal(io.load_image(tmp_path / "w.tif").pixels, 255 - GREY)


def test_palette_and_one_bit_pictures_read(tmp_path):
    Image.fromarray(GREY).convert("P").save(tmp_path / "p.png")
    assert np.array_equal(io.load_image(tmp_path / "p.png").pixels, GREY)
    Image.fromarray(GREY > 90).save(tmp_path / "one.png")
    assert np.array_equal(io.load_image(tmp_path / "one.png").pixels, GREY > 90)


def test_stacks_are_refused(tmp_path):
    tifffile.imwrite(tmp_path / "s.tif", np.stack([GREY, GREY]), photometric="minisblack")
    with pytest.raises(FileError, match="holds 2 pictures"):
        io.load_image(tmp_path / "s.tif")


@pytest.mark.parametrize("ending", [".png", ".jpg", ".tif", ".tiff", ".bmp"])
@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_mutated_and_truncated_pictures_raise_nothing_else(tmp_path_factory, ending, data):
    folder = tmp_path_factory.mktemp("p")
    if ending == ".tiff":
        tifffile.imwrite(folder / "a.tiff", np.tile(GREY, (5, 5)), compression="zlib")
    else:
        Image.fromarray(np.tile(GREY, (5, 5))).save(folder / f"a{ending}")
    content = (folder / f"a{ending}").read_bytes()
    at, junk = data.draw(st.integers(0, len(content))), data.draw(st.binary(max_size=6))
    cut = data.draw(st.integers(1, len(content))) if data.draw(st.booleans()) else len(content)
    (folder / f"b{ending}").write_bytes((content[:at] + junk + content[at + len(junk):])[:cut])
    try:
        io.load_image(folder / f"b{ending}")
    except FileError as error:
        assert "\n" not in str(error)
