"""Labels written as DICOM SEG: read by pydicom, by highdicom's reader and by ours."""

import numpy as np
import pydicom
import pytest
from pydicom.uid import generate_uid

pytest.importorskip("highdicom")

from scipy.spatial.transform import Rotation  # noqa: E402

from napari_xray_landmarks import io  # noqa: E402
from napari_xray_landmarks.errors import FileError  # noqa: E402
from napari_xray_landmarks.imaging import Volume  # noqa: E402
from napari_xray_landmarks.io.dicom.segmentation import read_seg, write_seg  # noqa: E402
from napari_xray_landmarks.io.dicom.sources import read_sources  # noqa: E402

NAMES = {1: "femur", 4: "femoral-cartilage"}
STUDY = {"StudyInstanceUID": generate_uid(), "FrameOfReferenceUID": generate_uid()}
SECRETS = (b"Secret", b"SECRET-ID", b"19000101")


@pytest.fixture
def series(write_series):
    """Folder of an oblique series of 4 planes of 5 x 6, by the seed of its frame."""

    def make(seed: int, **elements):
        rng = np.random.default_rng(seed)
        matrix = Rotation.random(random_state=seed).as_matrix() * rng.uniform(0.4, 3, 3)
        voxels = rng.integers(0, 1000, (4, 5, 6), dtype=np.uint16)
        return write_series(voxels, matrix, rng.uniform(-300, 300, 3), name=f"series{seed}", **(STUDY | elements))[0]

    return make


@pytest.fixture
def film(write_dicom, tmp_path):
    return write_dicom(tmp_path / "film.dcm", np.arange(48, dtype=np.uint16).reshape(6, 8), PixelSpacing=[0.2, 0.3],
                       SeriesInstanceUID=generate_uid(), StudyInstanceUID=generate_uid())


def labels_on(image: Volume) -> Volume:
    voxels = np.zeros(image.shape, np.uint8)
    voxels[0, 1:3, 1:4], voxels[-1, 4, 2:] = 1, 4
    return Volume(voxels, image.world_from_voxel)


@pytest.mark.parametrize("seed", range(8))
def test_labels_of_an_oblique_series_keep_their_places(series, tmp_path, seed):
    folder = series(seed)
    source = io.load_image(folder)
    write_seg(tmp_path / "seg.dcm", labels := labels_on(source), NAMES, read_sources(folder))
    back, names = read_seg(tmp_path / "seg.dcm")
    assert names == {1: "femur", 2: "femoral-cartilage"}
    np.testing.assert_array_equal(np.array([0, 1, 4])[back.voxels], labels.voxels)
    np.testing.assert_allclose(back.world_from_voxel, labels.world_from_voxel, atol=1e-6)


def test_an_anonymised_series_needs_no_frame_of_reference_nor_thickness(series, tmp_path):
    folder = series(9, FrameOfReferenceUID=None, SliceThickness=None)
    source = io.load_image(folder)
    write_seg(tmp_path / "seg.dcm", labels := labels_on(source), NAMES, read_sources(folder))
    back, _ = read_seg(tmp_path / "seg.dcm")
    np.testing.assert_allclose(back.world_from_voxel, labels.world_from_voxel, atol=1e-6)
    (shared,) = pydicom.dcmread(tmp_path / "seg.dcm").SharedFunctionalGroupsSequence
    assert float(shared.PixelMeasuresSequence[0].SliceThickness) == pytest.approx(source.spacing_mm[0])


def test_pydicom_finds_the_segments_and_what_they_were_drawn_in(series, tmp_path):
    folder = series(3)
    source = io.load_image(folder)
    write_seg(tmp_path / "seg.dcm", labels_on(source), NAMES, read_sources(folder), model="knee-mr")
    dataset = pydicom.dcmread(tmp_path / "seg.dcm")
    assert (dataset.Modality, dataset.SegmentationType) == ("SEG", "BINARY")
    assert [s.SegmentLabel for s in dataset.SegmentSequence] == list(NAMES.values())
    assert {s.SegmentAlgorithmName for s in dataset.SegmentSequence} == {"knee-mr"}
    assert dataset.StudyInstanceUID == STUDY["StudyInstanceUID"]
    assert dataset.FrameOfReferenceUID == STUDY["FrameOfReferenceUID"]
    referred = {r.ReferencedSOPInstanceUID for s in dataset.ReferencedSeriesSequence
                for r in s.ReferencedInstanceSequence}
    assert referred == {str(pydicom.dcmread(p).SOPInstanceUID) for p in folder.iterdir()}
    assert dataset.pixel_array.sum() == (labels_on(source).voxels > 0).sum()


@pytest.mark.parametrize("names", [NAMES, {1: "femur"}, {4: "femoral-cartilage"}, {1: "a", 2: "b", 4: "c"}])
def test_a_films_mask_comes_back_pixel_by_pixel(film, tmp_path, names):
    mask, numbers = np.zeros((6, 8), np.uint8), sorted(names)
    mask[1:3, 2:7], mask[5, 0] = numbers[0], numbers[-1]
    write_seg(tmp_path / "seg.dcm", mask, names, read_sources(film))
    back, found = read_seg(tmp_path / "seg.dcm")
    np.testing.assert_array_equal(np.array([0, *numbers])[back], mask)
    assert list(found.values()) == [names[n] for n in numbers]


@pytest.mark.parametrize("keep", [False, True])
def test_the_patient_is_named_only_where_that_is_asked_for(film, series, tmp_path, keep):
    for source in (film, series(1)):
        image = io.load_image(source)
        labels = labels_on(image) if isinstance(image, Volume) else np.ones(image.shape, np.uint8)
        write_seg(tmp_path / "seg.dcm", labels, NAMES, read_sources(source, keep_patient=keep))
        content = (tmp_path / "seg.dcm").read_bytes()
        assert [secret in content for secret in SECRETS] == [keep] * 3


def test_nothing_found_is_an_object_all_the_same(series, tmp_path):
    folder = series(2)
    source = io.load_image(folder)
    empty = Volume(np.zeros(source.shape, np.uint8), source.world_from_voxel)
    write_seg(tmp_path / "seg.dcm", empty, NAMES, read_sources(folder))
    back, names = read_seg(tmp_path / "seg.dcm")
    assert not back.voxels.any() and len(names) == 2


def test_the_same_labels_are_the_same_instance(film, tmp_path):
    def uid(value):
        write_seg(tmp_path / "seg.dcm", np.full((6, 8), value, np.uint8), NAMES, read_sources(film))
        return pydicom.dcmread(tmp_path / "seg.dcm").SOPInstanceUID

    assert uid(1) == uid(1) != uid(4)


def test_what_does_not_fit_is_refused_and_nothing_is_written(film, series, tmp_path):
    folder = series(5)
    source = io.load_image(folder)
    moved = source.world_from_voxel.copy()
    moved[0, 3] += 5
    for labels, names, refers_to in (
        (np.ones((6, 7), np.uint8), NAMES, film), (np.full((6, 8), 9, np.uint8), NAMES, film),
        (np.ones((6, 8), np.uint8), {}, film), (labels_on(source), NAMES, film),
        (Volume(labels_on(source).voxels, moved), NAMES, folder),
        (Volume(labels_on(source).voxels[:3], source.world_from_voxel), NAMES, folder),
    ):
        with pytest.raises(FileError, match="seg.dcm"):
            write_seg(tmp_path / "seg.dcm", labels, names, read_sources(refers_to))
    assert not (tmp_path / "seg.dcm").exists()


def test_what_nobody_can_refer_to_is_refused(write_dicom, tmp_path):
    (tmp_path / "film.png").write_bytes(b"\x89PNG, nearly")
    with pytest.raises(FileError, match="not a DICOM"):
        read_sources(tmp_path / "film.png")
    nameless = write_dicom(tmp_path / "a.dcm", np.ones((4, 4), np.uint8))
    with pytest.raises(FileError, match="InstanceUID"):
        read_sources(nameless)
    with pytest.raises(FileError, match="not a DICOM segmentation"):
        read_seg(nameless)
