import gzip

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from napari_xray_landmarks import io
from napari_xray_landmarks.errors import FileError
from napari_xray_landmarks.imaging import Radiograph, Volume

ENDINGS = (".nii.gz", ".nii", ".nrrd", ".mha")
GEOMETRY_TOLERANCE_MM = {".nii.gz": 2e-4, ".nii": 2e-4, ".nrrd": 1e-9, ".mha": 1e-9}
DTYPES = ("uint8", "int8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64")


@st.composite
def volumes(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    shape = draw(st.tuples(*[st.integers(2, 5)] * 3))
    dtype = draw(st.sampled_from(DTYPES))
    voxels = (rng.normal(size=shape) * 100).astype(dtype) if dtype[0] in "if" else rng.integers(0, 200, shape, dtype)
    matrix = np.eye(4)
    flip = np.diag(rng.choice([-1, 1], 3))
    matrix[:3, :3] = Rotation.random(random_state=rng).as_matrix() @ flip * rng.uniform(0.2, 6, 3)
    matrix[:3, 3] = rng.uniform(-900, 900, 3)
    return Volume(voxels, matrix, "v")


@pytest.mark.parametrize("ending", ENDINGS)
@settings(deadline=None, max_examples=25)
@given(volume=volumes())
def test_volumes_come_back_exactly(tmp_path_factory, ending, volume):
    path = tmp_path_factory.mktemp("v") / f"v{ending}"
    io.write_volume(path, volume)
    found = io.load_image(path)
    assert isinstance(found, Volume) and found.voxels.dtype == volume.voxels.dtype
    assert np.array_equal(found.voxels, volume.voxels)
    assert np.allclose(found.world_from_voxel, volume.world_from_voxel, rtol=1e-6, atol=GEOMETRY_TOLERANCE_MM[ending])


@pytest.mark.parametrize("ending", ENDINGS)
@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**32))
def test_a_voxel_lies_where_simpleitk_says(tmp_path_factory, ending, seed):
    """Every oblique direction: our world is SimpleITK's physical point (LPS) in reversed order."""
    rng = np.random.default_rng(seed)
    image = sitk.GetImageFromArray(rng.integers(0, 99, (4, 5, 6)).astype(np.int16))
    image.SetDirection((Rotation.random(random_state=rng).as_matrix() @ np.diag(rng.choice([-1, 1], 3))).ravel())
    image.SetSpacing(rng.uniform(0.2, 5, 3))
    image.SetOrigin(rng.uniform(-500, 500, 3))
    path = tmp_path_factory.mktemp("v") / f"v{ending}"
    sitk.WriteImage(image, str(path))
    stored = sitk.ReadImage(str(path))
    volume = io.load_image(path)
    for index in rng.integers(0, (6, 5, 4), (5, 3)).tolist():
        lps = stored.TransformIndexToPhysicalPoint(index)
        world = volume.world_from_voxel @ [*index[::-1], 1]
        assert np.allclose(world[:3][::-1], lps, atol=1e-6)
        assert volume.voxels[tuple(index[::-1])] == stored[index]


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("spacing", [None, (0.25, 0.5)])
def test_a_2d_file_is_a_radiograph(tmp_path, ending, spacing):
    pixels = np.arange(12, dtype=np.uint16).reshape(3, 4)
    film = Radiograph(pixels, spacing, "PixelSpacing" if spacing else "unknown")
    io.write_volume(tmp_path / f"film{ending}", film)
    found = io.load_image(tmp_path / f"film{ending}")
    assert isinstance(found, Radiograph) and found.name == "film"
    assert np.array_equal(found.pixels, pixels) and found.pixels.dtype == pixels.dtype
    assert found.spacing_mm == spacing and found.unit == ("px" if spacing is None else "mm")


def test_a_2d_file_that_states_no_spacing_stays_in_pixels(tmp_path):
    (tmp_path / "a.mha").write_bytes(
        b"ObjectType = Image\nNDims = 2\nBinaryData = True\nDimSize = 3 2\nElementType = MET_UCHAR\n"
        b"ElementDataFile = LOCAL\n" + bytes(range(6)))
    film = io.load_image(tmp_path / "a.mha")
    assert film.spacing_mm is None and film.pixels.tolist() == [[0, 1, 2], [3, 4, 5]]


def test_a_film_that_was_moved_keeps_its_place(tmp_path):
    turned = np.array([[0, -0.5, 7], [0.25, 0, 3], [0, 0, 1]])
    film = Radiograph(np.zeros((3, 4), np.uint8), (0.25, 0.5), "x", header={"world_from_pixel": turned.tolist()})
    io.write_volume(tmp_path / "a.mha", film)
    found = io.load_image(tmp_path / "a.mha")
    assert found.spacing_mm == (0.25, 0.5) and np.allclose(found.header["world_from_pixel"], turned)


def test_colour_is_made_grey_and_said(tmp_path):
    colour = np.zeros((4, 5, 3), np.uint8)
    colour[..., 1] = 100
    sitk.WriteImage(sitk.GetImageFromArray(colour, isVector=True), str(tmp_path / "c.mha"))
    film = io.load_image(tmp_path / "c.mha")
    assert (film.pixels == 59).all() and "grey" in film.header["colour"]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nan_and_constant_voxels_are_only_voxels(tmp_path, dtype):
    voxels = np.arange(24, dtype=dtype).reshape(2, 3, 4)
    voxels[1, 2, 3], voxels[0, 1] = np.nan, -np.inf
    for ending in (".nrrd", ".mha", ".nii", ".nii.gz"):
        io.write_volume(tmp_path / f"n{ending}", Volume(voxels))
        np.testing.assert_array_equal(io.load_image(tmp_path / f"n{ending}").voxels, voxels)
    io.write_volume(tmp_path / "c.nii.gz", Volume(np.full((2, 3, 4), 7.5)))
    assert (io.load_image(tmp_path / "c.nii.gz").voxels == 7.5).all()


def test_4d_is_refused_and_a_trailing_axis_of_one_is_not(tmp_path):
    sitk.WriteImage(sitk.Image([3, 4, 5, 2], sitk.sitkUInt8), str(tmp_path / "t.nii.gz"))
    with pytest.raises(FileError, match=r"t.nii.gz: is 4D, 3 x 4 x 5 x 2"):
        io.load_image(tmp_path / "t.nii.gz")
    sitk.WriteImage(sitk.Image([3, 4, 5, 1], sitk.sitkUInt8), str(tmp_path / "one.nrrd"))
    assert io.load_image(tmp_path / "one.nrrd").shape == (5, 4, 3)


def test_vectors_are_refused(tmp_path):
    sitk.WriteImage(sitk.Image([3, 4, 5], sitk.sitkVectorFloat32, 3), str(tmp_path / "v.nrrd"))
    with pytest.raises(FileError, match="has 3 values a voxel"):
        io.load_image(tmp_path / "v.nrrd")


def nifti(tmp_path, name="a.nii"):
    path = tmp_path / name
    io.write_volume(path, Volume(np.arange(60, dtype=np.int16).reshape(3, 4, 5)))
    return path


def test_a_header_that_claims_16_gb_is_refused_before_reading(tmp_path):
    content = bytearray(nifti(tmp_path).read_bytes())
    content[42:48] = np.array([2000, 2000, 2000], "<i2").tobytes()
    (tmp_path / "big.nii").write_bytes(content)
    (tmp_path / "big.nii.gz").write_bytes(gzip.compress(bytes(content)))
    for name in ("big.nii", "big.nii.gz"):
        with pytest.raises(FileError, match=r"claims 2000 x 2000 x 2000 pixels \(16.0 GB\)"):
            io.load_image(tmp_path / name)
    (tmp_path / "big.mha").write_text("ObjectType = Image\nNDims = 3\nBinaryData = True\nDimSize = 3000 3000 1000\n"
                                      "ElementType = MET_SHORT\nElementDataFile = LOCAL\n")
    with pytest.raises(FileError, match=r"18.0 GB"):
        io.load_image(tmp_path / "big.mha")


def test_half_a_file_is_said_to_be_truncated(tmp_path):
    whole = nifti(tmp_path).read_bytes()
    (tmp_path / "half.nii").write_bytes(whole[:400])
    with pytest.raises(FileError, match="half.nii: is truncated"):
        io.load_image(tmp_path / "half.nii")


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("compress", [False, True])
def test_a_cut_file_is_refused_wherever_it_is_cut(tmp_path, ending, compress):
    voxels = np.random.default_rng(0).normal(size=(8, 9, 10))
    whole = tmp_path / f"a{ending}"
    sitk.WriteImage(sitk.GetImageFromArray(voxels), str(whole), useCompression=compress)
    content = whole.read_bytes()
    for length in (1, 100, 349, 353, len(content) // 3, len(content) - 500, len(content) - 12):
        (tmp_path / f"cut{ending}").write_bytes(content[:length])
        with pytest.raises(FileError, match=f"cut{ending}"):
            io.load_image(tmp_path / f"cut{ending}")


@pytest.mark.parametrize("ending", [*ENDINGS, ".mhd", ".nhdr"])
def test_text_with_a_volumes_name_is_one_line(tmp_path, ending):
    (tmp_path / f"text{ending}").write_text("this is not an image\n" * 30)
    with pytest.raises(FileError, match=f"text{ending}") as caught:
        io.load_image(tmp_path / f"text{ending}")
    assert "\n" not in str(caught.value) and "itk" not in str(caught.value).lower()


@pytest.mark.parametrize("ending", [".nii", ".nrrd", ".mha"])
@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_mutated_and_truncated_files_raise_nothing_else(tmp_path_factory, ending, data):
    folder = tmp_path_factory.mktemp("v")
    io.write_volume(folder / f"a{ending}", Volume(np.arange(60, dtype=np.int16).reshape(3, 4, 5)))
    content = (folder / f"a{ending}").read_bytes()
    at = data.draw(st.integers(0, len(content)))
    junk = data.draw(st.binary(max_size=8))
    cut = data.draw(st.integers(1, len(content))) if data.draw(st.booleans()) else len(content)
    (folder / f"b{ending}").write_bytes((content[:at] + junk + content[at + len(junk):])[:cut])
    try:
        io.load_image(folder / f"b{ending}")
    except FileError as error:
        assert "\n" not in str(error)


def test_a_shear_cannot_be_written_and_leaves_nothing(tmp_path):
    matrix = np.eye(4)
    matrix[0, 1] = 0.3
    with pytest.raises(FileError, match="not at right angles"):
        io.write_volume(tmp_path / "s.nii.gz", Volume(np.zeros((2, 2, 2)), matrix))
    with pytest.raises(FileError, match="cannot write an image as '.png'"):
        io.write_volume(tmp_path / "s.png", Volume(np.zeros((2, 2, 2))))
    with pytest.raises(FileError, match="there is no folder"):
        io.write_volume(tmp_path / "no" / "s.mha", Volume(np.zeros((2, 2, 2))))
    assert list(tmp_path.iterdir()) == []


def test_types_that_no_file_has_are_widened(tmp_path):
    half = np.array([[[0.5, 1.25], [3, 4]]] * 2, np.float16)
    io.write_volume(tmp_path / "h.mha", Volume(half))
    assert np.array_equal(io.load_image(tmp_path / "h.mha").voxels, half)
    io.write_volume(tmp_path / "b.nii.gz", Volume(half > 1))
    assert np.array_equal(io.load_image(tmp_path / "b.nii.gz").voxels, (half > 1).astype(np.uint8))
    io.write_volume(tmp_path / "e.nrrd", Volume(np.arange(8, dtype=">i2").reshape(2, 2, 2)))
    assert io.load_image(tmp_path / "e.nrrd").voxels.ravel().tolist() == list(range(8))


@pytest.mark.realdata
def test_real_volumes_read_and_come_back(real_data, tmp_path):
    for name in ("ct/trunk_ct_3mm.nii.gz", "ct/innominate_0.mha", "pelvic-mri/06.nii.gz"):
        volume = io.load_image(real_data / name)
        image = sitk.ReadImage(str(real_data / name))
        index = [int(n) // 3 for n in image.GetSize()]
        assert volume.voxels[tuple(index[::-1])] == image[index]
        world = volume.world_from_voxel @ [*index[::-1], 1]
        assert np.allclose(world[:3][::-1], image.TransformIndexToPhysicalPoint(index))
        io.write_volume(tmp_path / "back.nii.gz", volume)
        back = io.load_image(tmp_path / "back.nii.gz")
        assert back.voxels.dtype == volume.voxels.dtype and np.array_equal(back.voxels, volume.voxels)
        assert np.allclose(back.world_from_voxel, volume.world_from_voxel, atol=1e-4)
