import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import Dataset, Sequence
from pydicom.uid import CTImageStorage, generate_uid
from scipy.spatial.transform import Rotation

from napari_xray_landmarks import io
from napari_xray_landmarks.errors import FileError
from napari_xray_landmarks.imaging import Radiograph, Volume

VOXELS = np.random.default_rng(0).integers(-500, 1500, (6, 4, 5)).astype(np.int16)
STRAIGHT = np.diag([0.5, 0.7, 2.0])


def lps(volume: Volume, plane, row, column) -> np.ndarray:
    return (volume.world_from_voxel @ [plane, row, column, 1])[:3][::-1]


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_an_oblique_series_is_where_the_header_says(write_series, seed):
    rng = np.random.default_rng(seed)
    matrix, origin = Rotation.random(random_state=rng).as_matrix() * rng.uniform(0.4, 4, 3), rng.uniform(-300, 300, 3)
    folder, _ = write_series(VOXELS, matrix, origin, name=f"s{rng.integers(1 << 60)}")
    volume = io.load_image(folder)
    assert np.array_equal(volume.voxels, VOXELS) and volume.modality == "CT" and volume.name == folder.name
    for plane, row, column in rng.integers(0, VOXELS.shape, (4, 3)):
        assert np.allclose(lps(volume, plane, row, column), origin + matrix @ [column, row, plane], atol=1e-5)


def test_planes_are_sorted_along_the_normal_not_by_number_or_name(write_series):
    falling = np.diag([0.5, 0.7, -2.0])
    folder, _ = write_series(VOXELS, falling, (1, 2, 3))
    volume = io.load_image(folder)
    assert np.array_equal(volume.voxels, VOXELS[::-1])
    assert np.allclose(lps(volume, 5, 0, 0), (1, 2, 3)) and np.allclose(lps(volume, 0, 0, 0), (1, 2, -7))


def test_hounsfield_units_and_the_window(write_series):
    folder, _ = write_series(VOXELS + 1024, STRAIGHT, RescaleSlope="1", RescaleIntercept="-1024", WindowCenter="40.5",
                             WindowWidth="401")
    volume = io.load_image(folder)
    assert np.array_equal(volume.voxels, VOXELS) and volume.voxels.dtype.kind == "i"
    assert volume.header["display_range"] == (-160, 240)


def test_a_fractional_slope_gives_floats(write_series):
    folder, _ = write_series(VOXELS, STRAIGHT, RescaleSlope="0.5", RescaleIntercept="0")
    assert np.allclose(io.load_image(folder).voxels, VOXELS / 2)


def test_a_missing_slice_is_refused(write_series):
    folder, _ = write_series(VOXELS, STRAIGHT, drop=[3])
    with pytest.raises(FileError, match=r"slices are missing: they lie 2 mm apart, but 4 mm between slices 3 and 4"):
        io.load_image(folder)


def test_uneven_slices_are_refused(write_series):
    folder, _ = write_series(VOXELS[:4], STRAIGHT)
    write_series(VOXELS[:1], STRAIGHT, (0, 0, 6.6), series_uid=_uid(folder))
    with pytest.raises(FileError, match="unevenly spaced"):
        io.load_image(folder)


def _uid(folder):
    from pydicom import dcmread

    return dcmread(next(folder.iterdir())).SeriesInstanceUID


@pytest.mark.parametrize("angle_deg", [2.0, -14.0])
def test_gantry_tilt_is_refused_with_its_angle(write_series, angle_deg):
    tilted = STRAIGHT.copy()
    tilted[1, 2] = 2.0 * np.tan(np.deg2rad(angle_deg))
    folder, _ = write_series(np.repeat(VOXELS, 5, axis=0), tilted)
    with pytest.raises(FileError, match=rf"sheared by {abs(angle_deg):.1f} degrees \(gantry tilt\)"):
        io.load_image(folder)


def test_rounded_positions_are_no_tilt(write_series):
    wobbly = STRAIGHT.copy()
    wobbly[0, 2] = 0.002
    folder, _ = write_series(VOXELS, wobbly)
    assert io.load_image(folder).shape == VOXELS.shape


def test_a_folder_of_series_gives_one_volume_each(write_series, write_dicom, tmp_path):
    for number, scale in ((3, 1.0), (4, 2.0)):
        write_series(VOXELS * int(scale), STRAIGHT * scale, name=f"study/{number}" if (tmp_path / "study").exists()
                     else _made(tmp_path, number), SeriesNumber=number)
    write_dicom(tmp_path / "study" / "film.dcm", np.zeros((3, 4), np.uint8), PixelSpacing=["0.2", "0.2"])
    (tmp_path / "study" / "notes.txt").write_text("nothing")
    images = io.load_images(tmp_path / "study")
    assert [i.name for i in images] == ["study · CT series 3", "study · CT series 4", "film"]
    assert np.array_equal(images[1].voxels, VOXELS * 2) and isinstance(images[2], Radiograph)
    with pytest.raises(FileError, match="holds 3 images"):
        io.load_image(tmp_path / "study")


def _made(tmp_path, number):
    (tmp_path / "study").mkdir()
    return f"study/{number}"


def test_one_bad_series_does_not_take_the_others_along(write_series, tmp_path):
    (tmp_path / "study").mkdir()
    write_series(VOXELS, STRAIGHT, name="study/good", SeriesNumber=1)
    write_series(VOXELS, STRAIGHT, name="study/bad", SeriesNumber=2, drop=[2])
    with pytest.raises(FileError, match="slices are missing"):
        io.load_images(tmp_path / "study")
    told = []
    images = io.load_images(tmp_path / "study", on_error=told.append)
    assert [i.name for i in images] == ["study · CT series 1"] and "slices are missing" in str(told[0])


def test_a_damaged_slice_is_named(write_series):
    folder, paths = write_series(VOXELS, STRAIGHT)
    paths[2].write_bytes(paths[2].read_bytes()[:-10])
    with pytest.raises(FileError, match=paths[2].name):
        io.load_image(folder)


def test_copies_of_a_slice_count_once(write_series):
    folder, paths = write_series(VOXELS, STRAIGHT)
    (folder / "copy.dcm").write_bytes(paths[1].read_bytes())
    assert io.load_image(folder).shape == VOXELS.shape


def test_two_phases_are_two_volumes(write_series):
    uid = generate_uid()
    folder, first = write_series(VOXELS, STRAIGHT, series_uid=uid, AcquisitionNumber=1)
    for path in first:
        path.rename(path.with_suffix(".ima"))
    write_series(VOXELS + 1, STRAIGHT, series_uid=uid, AcquisitionNumber=2)
    volumes = io.load_images(folder)
    assert sorted(int(v.voxels[0, 0, 0] - VOXELS[0, 0, 0]) for v in volumes) == [0, 1]
    assert all(v.shape == VOXELS.shape for v in volumes)


def test_doubled_positions_that_nothing_tells_apart_are_refused(write_series):
    uid = generate_uid()
    folder, first = write_series(VOXELS, STRAIGHT, series_uid=uid)
    for path in first:
        path.rename(path.with_suffix(".ima"))
    write_series(VOXELS + 1, STRAIGHT, series_uid=uid)
    with pytest.raises(FileError, match="several at the same position"):
        io.load_images(folder)


def test_localizers_and_captures_of_a_ct_are_projections(tmp_path, write_dicom):
    scout = write_dicom(tmp_path / "scout.dcm", np.zeros((4, 5), np.uint16), CTImageStorage, Modality="CT",
                        ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"], PixelSpacing=["0.6", "0.5"])
    assert io.load_image(scout).spacing_mm == (0.6, 0.5)


@pytest.mark.parametrize("keyword", ["ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"])
def test_a_slice_without_geometry_says_which_element(write_series, keyword):
    folder, _ = write_series(VOXELS, STRAIGHT, **{keyword: None})
    with pytest.raises(FileError, match=f"without a usable {keyword}"):
        io.load_image(folder)


def test_an_enhanced_file_is_one_volume(tmp_path, write_dicom):
    frames = []
    for plane in (2, 0, 1):
        frame, position = Dataset(), Dataset()
        position.ImagePositionPatient = [10, 20, 30 + 2 * plane]
        frame.PlanePositionSequence = Sequence([position])
        frames.append(frame)
    shared, orientation, measures = Dataset(), Dataset(), Dataset()
    orientation.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    measures.PixelSpacing = [0.7, 0.5]
    shared.PlaneOrientationSequence, shared.PixelMeasuresSequence = Sequence([orientation]), Sequence([measures])
    rescale, window = Dataset(), Dataset()
    rescale.RescaleSlope, rescale.RescaleIntercept = 1, -1000
    window.WindowCenter, window.WindowWidth = 40.5, 401
    shared.PixelValueTransformationSequence, shared.FrameVOILUTSequence = Sequence([rescale]), Sequence([window])
    path = write_dicom(tmp_path / "enhanced.dcm", np.ascontiguousarray(VOXELS[[2, 0, 1]].repeat(2, 1).repeat(2, 2)),
                       "1.2.840.10008.5.1.4.1.1.2.1", Modality="CT", PerFrameFunctionalGroupsSequence=Sequence(frames),
                       SharedFunctionalGroupsSequence=Sequence([shared]))
    volume = io.load_image(path)
    assert np.array_equal(volume.voxels, VOXELS[:3].repeat(2, 1).repeat(2, 2).astype(int) - 1000)
    assert volume.header["display_range"] == (-160, 240)
    assert np.allclose(lps(volume, 1, 2, 3), (11.5, 21.4, 32))


def test_an_empty_folder_says_so(tmp_path):
    with pytest.raises(FileError, match="holds no DICOM image"):
        io.load_images(tmp_path)


@pytest.mark.realdata
def test_real_series(real_data):
    import SimpleITK as sitk

    volume = io.load_image(real_data / "ct" / "series_jpeg2000")
    assert volume.shape == (20, 512, 512) and volume.header["display_range"] == (-110, 189)
    folder = str(real_data / "ct" / "series_jpeg2000")
    image = sitk.ReadImage(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(folder))
    assert np.array_equal(volume.voxels, sitk.GetArrayFromImage(image))
    for index in ((0, 0, 0), (100, 200, 10), (511, 511, 19)):
        assert np.allclose(lps(volume, *index[::-1]), image.TransformIndexToPhysicalPoint(index), atol=1e-6)


@pytest.mark.realdata
@pytest.mark.parametrize(("folder", "problem"), [
    ("gantry_tilt", r"sheared by 14.0 degrees \(gantry tilt\)"), ("slice_increment", "slices are missing"),
])
def test_real_bad_series_are_refused(real_data, folder, problem):
    with pytest.raises(FileError, match=problem):
        io.load_images(real_data / "dicom-bad-series" / folder)
