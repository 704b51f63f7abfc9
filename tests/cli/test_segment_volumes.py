"""Labels of volumes from the command line, with a real model of a made-up joint."""

import csv

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch")
pytest.importorskip("monai")

import ball_joints  # noqa: E402
from napari_xray_landmarks.imaging import Volume  # noqa: E402
from napari_xray_landmarks.io import load_image, load_landmarks, write_volume  # noqa: E402
from napari_xray_landmarks.io.meshes import read_mesh  # noqa: E402


@pytest.fixture(scope="session")
def joint_model(tmp_path_factory):
    """A model file whose network of slices learnt the joint for seconds."""
    path = tmp_path_factory.mktemp("joints") / "joint.safetensors"
    ball_joints.write_model(path)
    return path


@pytest.fixture(scope="session")
def volumes(tmp_path_factory):
    """Two joints as files."""
    folder = tmp_path_factory.mktemp("volumes")
    for seed in (11, 12):
        write_volume(folder / f"{seed}.nii.gz", ball_joints.joint(seed)[0])
    return folder


def rows_of(path) -> list[dict]:
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_a_folder_holds_everything_on_the_sources_grid(run, joint_model, volumes, tmp_path):
    outcome = run("segment", volumes, "-m", joint_model, "-o", tmp_path / "out", "--surfaces", "--overlay")
    assert outcome.code == 0, outcome
    own = {f"{n}{e}" for n in (11, 12) for e in ("_labels.nii.gz", "_measures.csv", ".mrk.json", "_ball.ply",
                                                 "_planes.png")}
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"measures.csv", *own}
    source, labels = load_image(volumes / "11.nii.gz"), load_image(tmp_path / "out" / "11_labels.nii.gz")
    np.testing.assert_allclose(labels.world_from_voxel, source.world_from_voxel, atol=1e-4)
    classes = ball_joints.joint(11)[1]
    found, known = labels.voxels == 1, classes == 1
    assert 2 * (found & known).sum() > 0.85 * (found.sum() + known.sum())
    ball = read_mesh(tmp_path / "out" / "11_ball.ply")
    np.testing.assert_allclose(ball.vertices.mean(0), ball_joints.BALL_MM, atol=1.5)
    assert len(load_landmarks(tmp_path / "out" / "11.mrk.json")) == 12
    rows = rows_of(tmp_path / "out" / "measures.csv")
    assert [(row["image"], row["structure"]) for row in rows[::3]] == [("11.nii.gz", "ball"), ("12.nii.gz", "ball")]
    assert float(rows[0]["volume_mm3"]) == pytest.approx(found.sum(), rel=1e-3)
    assert Image.open(tmp_path / "out" / "11_planes.png").size[0] > 600
    assert "11.nii.gz: ball " in outcome.out and " ml" in outcome.out


@pytest.mark.parametrize("name", ["l.nrrd", "l.mha", "l.csv"])
def test_one_file_holds_labels_or_measures(run, joint_model, volumes, tmp_path, name):
    outcome = run("segment", volumes / "11.nii.gz", "-m", joint_model, "-o", tmp_path / name)
    assert outcome.code == 0 and [p.name for p in tmp_path.iterdir()] == [name]
    if name != "l.csv":
        assert set(np.unique(load_image(tmp_path / name).voxels)) <= {0, 1, 5, 9}


def test_a_bad_volume_among_good_ones_is_reported_and_skipped(run, joint_model, volumes, tmp_path):
    bad = tmp_path / "bad.nii.gz"
    write_volume(bad, Volume(np.full((20, 20, 20), 3, np.int16)))
    outcome = run("segment", bad, volumes / "12.nii.gz", "-m", joint_model, "-o", tmp_path / "out")
    assert outcome.code == 1 and (tmp_path / "out" / "12_labels.nii.gz").exists()
    (line,) = outcome.err.strip().splitlines()
    assert "bad.nii.gz" in line and "all voxels have the value 3" in line and "skipped" in line


def test_what_is_no_volume_is_refused_in_one_line(run, joint_model, picture, tmp_path):
    arguments = "-m", joint_model, "-o", tmp_path / "out"
    run("segment", picture, *arguments).assert_bad_input("is a radiograph, not a volume")
    write_volume(tmp_path / "labels.nii.gz", Volume((np.arange(8000).reshape(20, 20, 20) % 4).astype(np.uint8)))
    run("segment", tmp_path / "labels.nii.gz", *arguments).assert_bad_input("labels.nii.gz", "holds labels")
    import SimpleITK as sitk

    sitk.WriteImage(sitk.Image([8, 8, 8, 3], sitk.sitkInt16), str(tmp_path / "four.nii.gz"))
    run("segment", tmp_path / "four.nii.gz", *arguments).assert_bad_input("four.nii.gz", "is 4D")
    wavy = np.sin(np.arange(8000.0)).reshape(20, 20, 20)
    wavy[3, 4, 5] = np.nan
    write_volume(tmp_path / "nan.nii.gz", Volume(wavy.astype(np.float32)))
    run("segment", tmp_path / "nan.nii.gz", *arguments).assert_bad_input("nan.nii.gz", "NaN")


@pytest.mark.parametrize(("output", "options", "part"), [
    ("out.txt", [], "'.txt' is not a label file"),
    ("out.nii.gz", ["--overlay"], "--overlay needs a folder"),
    ("out.csv", ["--surfaces"], "--surfaces needs a folder"),
    ("out", ["--spacing-mm", "1"], "does not go with a model of volumes"),
    ("out", ["--set", "threshold=2"], "threshold must lie between 0 and 1"),
])
def test_bad_arguments_end_in_one_line(run, joint_model, volumes, tmp_path, output, options, part):
    arguments = "segment", volumes / "11.nii.gz", "-m", joint_model, "-o", tmp_path / output, *options
    run(*arguments).assert_bad_input(part)
    assert not list(tmp_path.iterdir())


def test_a_model_of_films_takes_no_volume(run, figure_model_file, volumes, tmp_path):
    arguments = "-m", figure_model_file, "-o", tmp_path / "out"
    run("segment", volumes / "11.nii.gz", *arguments).assert_bad_input("is a volume, not a radiograph")
    run("segment", volumes / "11.nii.gz", *arguments, "--surfaces").assert_bad_input("--surfaces", "does not go with")


def test_a_cluster_gives_the_same_labels_and_measures(run, joint_model, volumes, cluster, tmp_path):
    arguments = "segment", volumes, "-m", joint_model, "-o"
    assert run(*arguments, tmp_path / "here", "--surfaces").code == 0
    outcome = run(*arguments, tmp_path / "there", "--surfaces", "--scheduler", cluster)
    assert outcome.code == 0 and "11.nii.gz: ball " in outcome.out, outcome
    here, there = ({p.name: p for p in (tmp_path / place).iterdir() if not p.name.startswith("manifest")}
                   for place in ("here", "there"))
    assert here.keys() == there.keys()
    for name, path in here.items():
        if name.endswith(".nii.gz"):
            np.testing.assert_array_equal(load_image(there[name]).voxels, load_image(path).voxels)
        else:
            assert there[name].read_bytes() == path.read_bytes(), name
    assert run(*arguments, tmp_path / "there.csv", "--scheduler", cluster).code == 0
    assert (tmp_path / "there.csv").read_bytes() == here["measures.csv"].read_bytes()


def write_series(folder, volume: Volume) -> None:
    """An axial CT series in the frame of an upright volume."""
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

    folder.mkdir()
    study, series, frame = (generate_uid() for _ in range(3))
    first = volume.world_from_voxel[:3, 3]
    for plane, pixels in enumerate(volume.voxels):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID = CTImageStorage, ExplicitVRLittleEndian
        meta.MediaStorageSOPInstanceUID = generate_uid()
        slice_ = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
        for keyword, value in {
            "SOPClassUID": CTImageStorage, "SOPInstanceUID": meta.MediaStorageSOPInstanceUID, "StudyInstanceUID": study,
            "SeriesInstanceUID": series, "FrameOfReferenceUID": frame, "Modality": "CT", "PatientName": "Secret^One",
            "Rows": pixels.shape[0], "Columns": pixels.shape[1], "SamplesPerPixel": 1, "BitsAllocated": 16,
            "BitsStored": 16, "HighBit": 15, "PixelRepresentation": 1, "PhotometricInterpretation": "MONOCHROME2",
            "PixelSpacing": list(volume.spacing_mm[1:]), "SliceThickness": volume.spacing_mm[0],
            "ImageOrientationPatient": [1, 0, 0, 0, 1, 0], "InstanceNumber": plane + 1,
            "ImagePositionPatient": [first[2], first[1], first[0] + plane * volume.spacing_mm[0]],
        }.items():
            setattr(slice_, keyword, value)
        slice_.PixelData = pixels.astype("<i2").tobytes()
        slice_.save_as(folder / f"{plane:03d}.dcm", enforce_file_format=True)


def test_labels_of_a_series_become_a_dicom_segmentation(run, joint_model, tmp_path):
    pytest.importorskip("highdicom")
    from napari_xray_landmarks.io.dicom.segmentation import read_seg

    write_series(tmp_path / "ct", ball_joints.joint(11)[0])
    for name in ("labels.nii.gz", "labels.dcm"):
        outcome = run("segment", tmp_path / "ct", "-m", joint_model, "-o", tmp_path / name)
        assert outcome.code == 0, outcome
    plain, (seg, names) = load_image(tmp_path / "labels.nii.gz"), read_seg(tmp_path / "labels.dcm")
    assert list(names.values()) == ["ball", "cap", "block"]
    for label, number in ((1, 1), (5, 2), (9, 3)):
        one, other = (np.argwhere(v.voxels == n) @ v.world_from_voxel[:3, :3].T + v.world_from_voxel[:3, 3]
                      for v, n in ((plain, label), (seg, number)))
        np.testing.assert_allclose(other, one, atol=1e-3)
    assert b"Secret" not in (tmp_path / "labels.dcm").read_bytes()
