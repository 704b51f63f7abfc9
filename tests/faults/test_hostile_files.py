"""What fuzzing found, as small as it gets: each of these crashed, hung, took gigabytes, or read a file elsewhere."""

import gzip
import io as streams
import json
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from PIL import Image
from pydicom.uid import ExplicitVRLittleEndian

from napari_xray_landmarks import io
from napari_xray_landmarks.cli.manifest import Manifest
from napari_xray_landmarks.errors import FileError, InputError
from napari_xray_landmarks.geometry.camera import CArm
from napari_xray_landmarks.imaging import Volume
from napari_xray_landmarks.io.dicom.pixels import require_whole_fragments
from napari_xray_landmarks.io.files import BoundedFile, leads_out
from napari_xray_landmarks.io.geometry import load_arm, save_geometry
from napari_xray_landmarks.io.meshes import read_mesh
from napari_xray_landmarks.landmarks import LandmarkSet
from napari_xray_landmarks.training.importers import import_training_set
from napari_xray_landmarks.training.journals import Journal

VOLUME = Volume(np.arange(24, dtype=np.int16).reshape(2, 3, 4))


def changed(path, old: bytes, new: bytes):
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new, 1))
    return path


@pytest.fixture
def detached(tmp_path):
    import SimpleITK as sitk

    for ending in (".mhd", ".nhdr"):
        sitk.WriteImage(sitk.GetImageFromArray(VOLUME.voxels), str(tmp_path / f"v{ending}"))
        assert np.array_equal(io.load_image(tmp_path / f"v{ending}").voxels, VOLUME.voxels)
    return tmp_path


def test_a_length_in_a_file_allocates_no_more_than_the_file_has(tmp_path):
    (tmp_path / "a").write_bytes(bytes(100_000))
    with BoundedFile(tmp_path / "a") as file:
        assert len(file.read(10)) == 10 and len(file.read(1 << 60)) == 99_990 and file.read(1 << 60) == b""


@pytest.mark.parametrize(("old", "new"), [
    (b"dimension: 3", b"dimension: " + b"9" * 5000),
    (b"sizes: 4 3 2", b"sizes: 4 3 2\nsizes: 4 3 2"),
    (b"space origin: (0,0,0)", b"space origin: (1e308,0,0)"),
    (b"type: ", b"kind: "),
    (b"NRRD0004", b"NRRD\x00004"),
    (b"type: ", b"j" * 5000 + b"\ntype: "),
    (b"type: ", b"j" * 5000 + b": x\ntype: "),
])  # fmt: skip
def test_nrrd_headers(tmp_path, old, new):
    io.write_volume(tmp_path / "v.nrrd", VOLUME)
    with pytest.raises(FileError):
        io.load_image(changed(tmp_path / "v.nrrd", old, new))


def test_a_header_that_names_no_file_of_voxels(detached):
    with pytest.raises(FileError, match="no name of a file"):
        io.load_image(changed(detached / "v.nhdr", b"data file: v.raw", b"data file: "))


@pytest.mark.parametrize(("old", "new"), [
    (b"Offset = ", b"TransformMatrix = 1 0 0 0 1 0 0 0 1\nOffset = "),
    (b"TransformMatrix = 1 0 0 0 1 0 0 0 1", b"TransformMatrix = 1 0 0 0 1 0 0 1e308 1"),
    (b"CompressedDataSize = ", b"CompressedDataSize = 9999999999999999"),
    (b"NDims = 3\n", b""),
    (b"DimSize = 4 3 2", b"DimSize = 4 3"),
    (b"ElementDataFile = LOCAL", b"ElementDataFile = %s%n%s.raw 1 2 1"),
    (b"ElementDataFile = LOCAL", b"ElementDataFile = /etc/passwd"),
    (b"ElementType = MET_SHORT", b"ElementType = MET_OTHER"),
])  # fmt: skip
def test_meta_headers(tmp_path, old, new):
    io.write_volume(tmp_path / "v.mha", VOLUME)
    with pytest.raises(FileError):
        io.load_image(changed(tmp_path / "v.mha", old, new))


@pytest.mark.parametrize("name", ["/etc/passwd", "../v.raw", "a/../../v.raw", "..\\v.raw", "C:\\v.raw", "none.raw",
                                  "LIST\n../v.raw", "../v%d.raw 0 1 1", "/dev/zero"])
def test_voxels_outside_of_the_folder_are_not_read(detached, name):
    for header, key, own in (("v.mhd", b"ElementDataFile = ", b"v.raw"), ("v.nhdr", b"data file: ", b"v.raw")):
        path = changed(detached / header, key + own, key + name.encode())
        with pytest.raises(FileError, match=r"outside of its folder|not there"):
            io.load_image(path)


def test_detached_voxels_that_are_too_few_are_found_before_memory_is_taken(detached):
    changed(detached / "v.mhd", b"DimSize = 4 3 2", b"DimSize = 999 999 999")
    with pytest.raises(FileError, match="truncated"):
        io.load_image(detached / "v.mhd")


@pytest.mark.parametrize(("at", "value"), [(40, struct.pack("<h", 99)), (42, struct.pack("<h", -4)),
                                           (70, struct.pack("<h", 77)), (280, struct.pack("<f", 1e38)),
                                           (80, struct.pack("<f", float("inf"))), (108, b""),
                                           (284, struct.pack("<f", float("nan"))), (108, struct.pack("<f", -3e29)),
                                           (108, struct.pack("<f", 1e30))])
def test_nifti_headers(tmp_path, at, value):
    io.write_volume(tmp_path / "v.nii", VOLUME)
    data = (tmp_path / "v.nii").read_bytes()
    (tmp_path / "v.nii").write_bytes(data[:at] + value + data[at + len(value):] if value else data[:at])
    with pytest.raises(FileError):
        io.load_image(tmp_path / "v.nii")


def test_a_png_that_claims_what_it_cannot_hold(tmp_path):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 12_000, 12_000, 8, 2, 0, 0, 0)
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b""))
                                     + chunk(b"IEND", b""))
    with pytest.raises(FileError, match="truncated"):
        io.load_image(tmp_path / "a.png")


def test_a_png_whose_last_chunk_claims_gigabytes(tmp_path):
    picture = streams.BytesIO()
    Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(picture, "PNG")
    data = picture.getvalue()
    at = data.index(b"IDAT")
    (tmp_path / "a.png").write_bytes(data[:at - 4] + struct.pack(">I", 3 << 30) + data[at:at + 30])
    tracemalloc.start()
    assert io.load_image(tmp_path / "a.png").shape == (8, 8)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 26


def test_compressed_dicom_pixels_that_claim_more_than_there_are(pydicom_file):
    from pydicom import dcmread

    pixels = dcmread(pydicom_file("JPEG-lossy.dcm")).PixelData
    require_whole_fragments(pixels)
    at = pixels.index(b"\xfe\xff\x00\xe0", 4) + 4
    for spoilt in (pixels[:at] + b"\xff\xff\xff\x7f" + pixels[at + 4:], pixels[:len(pixels) // 2], b"abcdefgh"):
        with pytest.raises(ValueError, match="item|tag"):
            require_whole_fragments(spoilt)


def test_what_a_damaged_header_says_of_its_pixels_is_not_repeated(write_dicom, tmp_path):
    path = write_dicom(tmp_path / "a.dcm", np.zeros((4, 5), np.uint16))
    data = path.read_bytes()
    syntax = ExplicitVRLittleEndian.encode() + b"\0"
    path.write_bytes(data.replace(syntax, b"Secret^Patient".ljust(len(syntax), b"\0"), 1))
    with pytest.raises(FileError) as caught:
        io.load_image(path)
    assert "Secret" not in str(caught.value)


def test_a_c_arm_that_rounding_leaves_without_a_detector(tmp_path):
    arm = CArm(10.0, 5.0, 0.0, 750.0, 1200.0, (0.6, 0.6), (40, 33))
    save_geometry(tmp_path / "a.json", arm)
    document = json.loads((tmp_path / "a.json").read_text()) | {"source_to_isocentre_mm": 1e20}
    (tmp_path / "a.json").write_text(json.dumps(document))
    with pytest.raises(FileError, match=r"a\.json: "):
        load_arm(tmp_path / "a.json")


def test_more_frames_than_there_are(pydicom_file, tmp_path):
    from pydicom import dcmread
    from pydicom.encaps import encapsulate, generate_frames

    film = dcmread(pydicom_file("SC_rgb_rle_2frame.dcm"))
    film.PixelData = encapsulate([next(generate_frames(film.PixelData, number_of_frames=2))])
    film.save_as(tmp_path / "a.dcm")
    with pytest.raises(FileError, match="cannot be decoded"):
        io.load_images(tmp_path / "a.dcm")


def test_a_slice_without_a_size(write_dicom, tmp_path):
    place = {"ImagePositionPatient": [0, 0, 0], "ImageOrientationPatient": [1, 0, 0, 0, 1, 0], "PixelSpacing": [1, 1]}
    write_dicom(tmp_path / "0.dcm", np.zeros((4, 5), np.uint16), Modality="CT", Columns=None, **place)
    with pytest.raises(FileError, match="0.dcm: is a damaged"):
        io.load_images(tmp_path)


def test_a_tiff_whose_pages_never_end(tmp_path):
    stream = streams.BytesIO()
    Image.fromarray(np.arange(20, dtype=np.uint8).reshape(4, 5)).save(stream, "TIFF")
    data = bytearray(stream.getvalue())
    (start,) = struct.unpack_from("<I", data, 4)
    (tags,) = struct.unpack_from("<H", data, start)
    struct.pack_into("<I", data, start + 2 + 12 * tags, start)  # the page after the first is the first
    (tmp_path / "a.tif").write_bytes(data)
    with pytest.raises(FileError, match="pictures|read"):
        io.load_image(tmp_path / "a.tif")


def test_a_bilevel_tiff_of_white_zeros_reads(tmp_path):
    import tifffile

    pixels = np.eye(8, dtype=bool)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="miniswhite")
    assert np.array_equal(io.load_image(tmp_path / "a.tif").pixels, (~pixels).astype(np.uint8))


def test_a_mesh_opens_no_other_file(tmp_path, monkeypatch):
    from trimesh import resolvers

    from napari_xray_landmarks.io.meshes import read_mesh

    (tmp_path / "secret.png").write_bytes(b"")
    (tmp_path / "in").mkdir()
    monkeypatch.setattr(resolvers.FilePathResolver, "get", lambda *_: pytest.fail("opened another file"))
    corners = "0 0 0\n1 0 0\n0 1 0\n"
    (tmp_path / "in" / "a.obj").write_text(
        "mtllib ../secret.mtl\nv " + corners.replace("\n", "\nv ", 2) + "usemtl skin\nf 1 2 3\n")
    (tmp_path / "in" / "a.ply").write_text(
        "ply\nformat ascii 1.0\ncomment TextureFile ../secret.png\nelement vertex 3\nproperty float x\n"
        "property float y\nproperty float z\nelement face 1\nproperty list uchar int vertex_indices\nend_header\n"
        + corners + "3 0 1 2\n")
    for name in ("a.obj", "a.ply"):
        assert read_mesh(tmp_path / "in" / name).faces.shape == (1, 3)


def test_a_line_shows_nothing_that_a_terminal_obeys():
    error = InputError("a\x1b[31m.csv", "name is 'x\u202ey\ud800'\nand " + "z" * 10_000, "do\tthis")
    assert str(error).isprintable() and len(str(error)) < 700
    assert str(error).startswith("a\\x1b[31m.csv: name is 'x\\u202ey\\ud800' and zzz")


@pytest.mark.parametrize("ending", [".mrk.json", ".csv", ".fcsv"])
def test_names_that_are_no_unicode_are_refused_when_they_are_written(tmp_path, ending):
    marks = LandmarkSet(("tip-\ud800",), np.ones((1, 2)))
    with pytest.raises(FileError, match="no Unicode"):
        io.save_landmarks(tmp_path / f"a{ending}", marks)
    assert not list(tmp_path.iterdir())


def test_a_journal_of_another_program_stays(tmp_path):
    path = tmp_path / "manifest.jsonl"
    path.write_bytes(b"not ours\n" + b"[" * 200_000)
    journal = Journal(path)
    assert journal.entries() == [] and journal.count == 0
    journal.close()
    assert path.exists()


@pytest.mark.parametrize(("name", "out"), [("a.raw", False), ("b/a.raw", False), ("a..raw", False), ("/a", True),
                                           ("../a", True), ("b/../../a", True), ("C:a", True), ("\\\\host\\a", True)])
def test_names_that_lead_out(name, out):
    assert leads_out(name) is out


def test_a_tiff_that_claims_more_than_it_has(tmp_path):
    stream = streams.BytesIO()
    Image.fromarray(np.arange(20, dtype=np.uint8).reshape(4, 5)).save(stream, "TIFF")
    data = bytearray(stream.getvalue())
    (start,) = struct.unpack_from("<I", data, 4)
    rows = next(at for at in range(start + 2, len(data), 12) if data[at:at + 2] == b"\x01\x01")
    struct.pack_into("<I", data, rows + 8, 1 << 24)
    (tmp_path / "a.tif").write_bytes(data)
    with pytest.raises(FileError, match="truncated"):
        io.load_image(tmp_path / "a.tif")


@pytest.mark.parametrize("ending", [".mrk.json", ".fcsv", ".csv"])
def test_a_films_spacing_does_not_fit_points_in_space(tmp_path, ending):
    with pytest.raises(FileError, match="3 coordinates and the spacing 2"):
        io.save_landmarks(tmp_path / f"a{ending}", LandmarkSet(("tip",), [[1.0, 2, 3]]), spacing_mm=(0.1, 0.1))
    assert not list(tmp_path.iterdir())


def test_a_mesh_of_numbers_that_no_machine_holds(tmp_path):
    (tmp_path / "a.vtk").write_text("# vtk DataFile Version 3.0\na\nASCII\nDATASET POLYDATA\nPOINTS 3 float\n"
                                    "0 0 0 1 0 0 0 1 0\nPOLYGONS 1 4\n3 0 1 99999999999999999999\n")
    with pytest.raises(FileError, match="is damaged"):
        read_mesh(tmp_path / "a.vtk")


def test_a_compressed_size_below_nothing(tmp_path):
    io.write_volume(tmp_path / "a.mha", VOLUME)
    header = (tmp_path / "a.mha").read_bytes()
    size = header.partition(b"CompressedDataSize = ")[2].partition(b"\n")[0]
    with pytest.raises(FileError, match="CompressedDataSize is -1"):
        io.load_image(changed(tmp_path / "a.mha", b"CompressedDataSize = " + size, b"CompressedDataSize = -1"))


def test_packed_voxels_behind_a_header_that_does_not_tell_how_many(tmp_path):
    io.write_volume(tmp_path / "a.mha", VOLUME)
    with pytest.raises(FileError, match="no CompressedDataSize"):
        io.load_image(changed(tmp_path / "a.mha", b"CompressedDataSize", b"CompressedDataSite"))


def test_packed_nifti_voxels_that_start_behind_their_end(tmp_path):
    io.write_volume(tmp_path / "a.nii", Volume(np.zeros((2, 3, 4), np.float32)))
    data = bytearray((tmp_path / "a.nii").read_bytes())
    struct.pack_into("<f", data, 108, 4e6)
    packed = gzip.compress(bytes(data))
    (tmp_path / "a.nii.gz").write_bytes(packed[:-12] + packed[-4:])
    with pytest.raises(FileError):
        io.load_image(tmp_path / "a.nii.gz")


@pytest.mark.parametrize("ending", [".mha", ".mhd"])
def test_packed_voxels_that_ask_for_a_dictionary(tmp_path, ending):
    import SimpleITK as sitk

    sitk.WriteImage(sitk.GetImageFromArray(VOLUME.voxels), str(tmp_path / f"a{ending}"), useCompression=True)
    assert np.array_equal(io.load_image(tmp_path / f"a{ending}").voxels, VOLUME.voxels)
    changed(tmp_path / {".mha": "a.mha", ".mhd": "a.zraw"}[ending], b"\x78\x5e", b"\x78\x20")
    with pytest.raises(FileError, match="cannot be unpacked"):
        io.load_image(tmp_path / f"a{ending}")


def test_a_name_that_is_no_unicode_makes_no_training_set(tmp_path):
    source = tmp_path / "source"
    (source / "images").mkdir(parents=True)
    Image.fromarray(np.zeros((4, 5), np.uint8)).save(source / "images" / "1.png")
    (source / "landmarks_ann.json").write_text('{"1": {"tip \\ud800": [3, 4]}}')
    with pytest.raises(FileError, match="no Unicode"):
        import_training_set("xy-json", source, tmp_path / "set")
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_names_too_long_for_the_system(tmp_path, detached):
    part = {"key": "a", "files": ["x" * 5000], "tables": {}, "lines": [], "skipped": []}
    (tmp_path / "manifest.jsonl").write_text(json.dumps(part) + "\n")
    assert Manifest(tmp_path / "manifest.jsonl").part("a") is None
    with pytest.raises(FileError, match="not there"):
        io.load_image(changed(detached / "v.nhdr", b"data file: v.raw", b"data file: " + 300 * b"x"))


def test_a_line_behind_the_name_of_the_voxels(detached):
    with pytest.raises(FileError, match="has the line"):
        io.load_image(changed(detached / "v.nhdr", b"data file: v.raw", b"data file: v.raw\n" + 20_000 * b"x"))


def test_complex_numbers_are_no_grey_values(tmp_path):
    import SimpleITK as sitk

    sitk.WriteImage(sitk.Image([3, 4], sitk.sitkComplexFloat32), str(tmp_path / "a.nii"))
    with pytest.raises(FileError, match="has 2 values a voxel"):
        io.load_image(tmp_path / "a.nii")
