"""What we write, opened by others: SimpleITK, nibabel, pydicom and the JSON schema of 3D Slicer's markups.

Each format gets 100 random oblique frames, flipped ones among them, and every program must see each voxel at the same
place. SimpleITK and DICOM speak LPS, nibabel RAS; our world is (superior, posterior, left).
"""

import json
import os
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom.uid import generate_uid
from scipy.spatial.transform import Rotation

from napari_xray_landmarks import io
from napari_xray_landmarks.imaging import Radiograph, Volume
from napari_xray_landmarks.io.markups import write_outlines
from napari_xray_landmarks.landmarks import Contour, LandmarkSet

FRAMES = 100
SCHEMA_VARIABLE = "XRAY_LANDMARKS_SLICER_SCHEMA"
# one part in ten million of the largest coordinate: NIfTI holds 32-bit floats
TOLERANCE_MM = {".nii.gz": 2e-4, ".nrrd": 1e-9, ".mha": 1e-9}


def number_list(count: int) -> dict:
    return {"type": "array", "items": {"type": "number"}, "minItems": count, "maxItems": count}


# what version 1.0.3 of the markups schema demands of the elements that we write, in our words
MARKUPS = {
    "type": "object", "required": ["@schema", "markups"],
    "properties": {
        "@schema": {"type": "string", "pattern": r"markups-schema-v1\.0\.[0-9]+\.json#?$"},
        "markups": {"type": "array", "items": {
            "type": "object", "required": ["type"],
            "properties": {
                "type": {"enum": ["Fiducial", "Line", "Angle", "Curve", "ClosedCurve", "Plane", "ROI"]},
                "name": {"type": "string"},
                "coordinateSystem": {"enum": ["LPS", "RAS"]},
                "coordinateUnits": {"anyOf": [
                    {"enum": ["mm", "um"]},
                    {"type": "array", "items": {"type": "string"}, "minItems": 3, "maxItems": 3}]},
                "locked": {"type": "boolean"},
                "labelFormat": {"type": "string"},
                "controlPoints": {"type": "array", "items": {
                    "type": "object",
                    "properties": {
                        "id": {"type": "string"}, "label": {"type": "string"}, "description": {"type": "string"},
                        "associatedNodeID": {"type": "string"}, "position": number_list(3),
                        "orientation": number_list(9), "selected": {"type": "boolean"}, "locked": {"type": "boolean"},
                        "visibility": {"type": "boolean"},
                        "positionStatus": {"enum": ["undefined", "preview", "defined"]},
                    }}},
            }}},
    },
}


@pytest.fixture(scope="module")
def check_markups():
    """Validate a file by these demands, and by 3D Slicer's own schema where a variable names its file."""
    jsonschema = pytest.importorskip("jsonschema")
    schemas = [MARKUPS]
    if SCHEMA_VARIABLE in os.environ:
        schemas.append(json.loads(Path(os.environ[SCHEMA_VARIABLE]).read_text(encoding="utf-8")))
    checks = [jsonschema.validators.validator_for(s, default=jsonschema.Draft7Validator)(s) for s in schemas]

    def check(path) -> dict:
        document = json.loads(path.read_text(encoding="utf-8"))
        for validator in checks:
            validator.validate(document)
        return document

    return check


def frame(seed: int) -> np.ndarray:
    """(4, 4) world from voxel: any rotation, every third one mirrored, spacings of 0.2 to 4 mm, far from the origin."""
    rng = np.random.default_rng(seed)
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.random(random_state=seed).as_matrix() * rng.uniform(0.2, 4, 3)
    matrix[:3, 0] *= -1 if seed % 3 == 0 else 1
    matrix[:3, 3] = rng.uniform(-1000, 1000, 3)
    return matrix


def volume(seed: int) -> Volume:
    """2 x 3 x 4 voxels, each with its own value."""
    return Volume(np.random.default_rng(seed).permutation(24).reshape(2, 3, 4).astype(np.int16), frame(seed))


def lps_of(image: Volume) -> dict[int, np.ndarray]:
    """Place of each voxel in LPS mm, by its value: from the definition, without the code that is tested."""
    places = {}
    for index in np.ndindex(image.shape):
        superior, posterior, left = (image.world_from_voxel @ (*index, 1))[:3]
        places[int(image.voxels[index])] = np.array([left, posterior, superior])
    return places


def by_simpleitk(path) -> dict[int, np.ndarray]:
    image = sitk.ReadImage(str(path))
    columns, rows, planes = image.GetSize()
    return {int(image[i, j, k]): np.array(image.TransformIndexToPhysicalPoint((i, j, k)))
            for i in range(columns) for j in range(rows) for k in range(planes)}


def by_nibabel(path) -> dict[int, np.ndarray]:
    nibabel = pytest.importorskip("nibabel")
    image = nibabel.load(path)
    data = np.asarray(image.dataobj)
    ras = {int(data[index]): nibabel.affines.apply_affine(image.affine, index) for index in np.ndindex(data.shape)}
    return {value: point * (-1, -1, 1) for value, point in ras.items()}


def by_us(path) -> dict[int, np.ndarray]:
    return lps_of(io.load_image(path))


@pytest.mark.parametrize(("ending", "readers"), [(".nii.gz", (by_simpleitk, by_nibabel, by_us)),
                                                 (".nrrd", (by_simpleitk, by_us)), (".mha", (by_simpleitk, by_us))])
def test_every_program_sees_every_voxel_at_the_same_place(tmp_path, ending, readers):
    path = tmp_path / f"volume{ending}"
    for seed in range(FRAMES):
        image = volume(seed)
        io.write_volume(path, image)
        expected = lps_of(image)
        for reader in readers:
            found = reader(path)
            assert found.keys() == expected.keys(), (seed, reader)
            apart = max(np.abs(found[value] - expected[value]).max() for value in expected)
            assert apart < TOLERANCE_MM[ending], f"frame {seed}, {reader.__name__}: {apart} mm"


def test_labels_of_a_film_lie_on_the_film(tmp_path):
    rng = np.random.default_rng(1)
    for ending in TOLERANCE_MM:
        film = Radiograph(rng.integers(0, 9, (5, 7)).astype(np.uint8), tuple(rng.uniform(0.1, 0.4, 2)))
        io.write_labels(tmp_path / f"mask{ending}", film.pixels % 2, film)
        image = sitk.ReadImage(str(tmp_path / f"mask{ending}"))
        np.testing.assert_array_equal(sitk.GetArrayFromImage(image), film.pixels % 2)
        np.testing.assert_allclose(image.TransformIndexToPhysicalPoint((6, 4)), (6, 4) * film.scale[::-1], rtol=1e-6)


def test_landmarks_and_a_volume_meet_in_3d_slicer(tmp_path, check_markups):
    """A landmark on a voxel's centre is written where the volume's file puts that voxel."""
    for seed in range(FRAMES):
        image = volume(seed)
        places = lps_of(image)
        names = tuple(str(value) for value in sorted(places))
        points = np.array([places[int(name)][::-1] for name in names])
        io.save_landmarks(tmp_path / "marks.mrk.json", LandmarkSet(names, points, unit="mm"))
        (markup,) = check_markups(tmp_path / "marks.mrk.json")["markups"]
        assert (markup["coordinateSystem"], markup["coordinateUnits"]) == ("LPS", "mm")
        found = np.array([point["position"] for point in markup["controlPoints"]])
        np.testing.assert_allclose(found, [places[int(p["label"])] for p in markup["controlPoints"]], atol=1e-9)


def test_points_curves_and_circles_keep_the_schema(tmp_path, check_markups):
    path = tmp_path / "all.mrk.json"
    points = np.array([[1.0, 2.0], [3.5, 4.0], [6.0, 1.0]])
    for spacing_mm in (None, (0.2, 0.3)):
        marks = LandmarkSet(("a", "ö", "c"), points, [0.5, np.nan, 1.0], [True, False, True])
        io.save_landmarks(path, marks, spacing_mm=spacing_mm)
        check_markups(path)
        outlines = [Contour(points, "bone", confidence=[0.1, 0.2, 0.3]), Contour(points, "edge", closed=False)]
        write_outlines(path, outlines, marks, ["radius=3 mm"] * 3, spacing_mm=spacing_mm)
        assert [m["type"] for m in check_markups(path)["markups"]] == ["ClosedCurve", "Curve", "Fiducial"]


@pytest.mark.parametrize("change", [{"coordinateSystem": "XYZ"}, {"type": "Point"}, {"coordinateUnits": "inch"},
                                    {"controlPoints": [{"position": [1, 2]}]},
                                    {"controlPoints": [{"positionStatus": "lost"}]}])
def test_the_check_finds_what_the_schema_forbids(tmp_path, check_markups, change):
    import jsonschema

    io.save_landmarks(tmp_path / "a.mrk.json", LandmarkSet(("a",), [[1.0, 2.0, 3.0]], unit="mm"))
    document = json.loads((tmp_path / "a.mrk.json").read_text())
    document["markups"][0] |= change
    (tmp_path / "a.mrk.json").write_text(json.dumps(document))
    with pytest.raises(jsonschema.ValidationError):
        check_markups(tmp_path / "a.mrk.json")


def test_labels_as_dicom_seg_keep_their_places(tmp_path, write_series):
    """The same 100 frames through a DICOM series, our SEG and pydicom's own reading of it."""
    pytest.importorskip("highdicom")
    from napari_xray_landmarks.io.dicom.segmentation import write_seg
    from napari_xray_landmarks.io.dicom.sources import read_sources

    for seed in range(FRAMES):
        lps = frame(seed)[[2, 1, 0, 3]][:, [2, 1, 0, 3]]  # (column, row, plane) to (left, posterior, superior)
        folder, _ = write_series(np.full((2, 3, 4), seed, np.uint16), lps[:3, :3], lps[:3, 3], name=f"series{seed}",
                                 StudyInstanceUID=generate_uid(), FrameOfReferenceUID=generate_uid())
        source = io.load_image(folder)
        voxels = np.zeros(source.shape, np.uint8)
        voxels[0, 1, 2], voxels[1, 2, 0] = 1, 2
        write_seg(tmp_path / "seg.dcm", Volume(voxels, source.world_from_voxel), {1: "a", 2: "b"}, read_sources(folder))
        expected = {label: (source.world_from_voxel @ (*np.argwhere(voxels == label)[0], 1))[2::-1] for label in (1, 2)}
        found = by_pydicom(tmp_path / "seg.dcm")
        for label in (1, 2):
            np.testing.assert_allclose(found[label], expected[label], atol=1e-6, err_msg=f"frame {seed}")


def by_pydicom(path) -> dict[int, np.ndarray]:
    """LPS place of each segment's only pixel, by the equation of PS3.3, C.7.6.2.1.1."""
    dataset, places = pydicom.dcmread(path), {}
    shared = dataset.SharedFunctionalGroupsSequence[0]
    across, down = np.reshape(shared.PlaneOrientationSequence[0].ImageOrientationPatient, (2, 3)).astype(float)
    row_mm, column_mm = map(float, shared.PixelMeasuresSequence[0].PixelSpacing)
    pixels = dataset.pixel_array.reshape(-1, dataset.Rows, dataset.Columns)
    for frame_pixels, group in zip(pixels, dataset.PerFrameFunctionalGroupsSequence, strict=True):
        position = np.array(group.PlanePositionSequence[0].ImagePositionPatient, float)
        for row, column in np.argwhere(frame_pixels):
            number = group.SegmentIdentificationSequence[0].ReferencedSegmentNumber
            places[int(number)] = position + across * column_mm * column + down * row_mm * row
    return places
