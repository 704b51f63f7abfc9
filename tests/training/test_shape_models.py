import numpy as np
import pytest

from napari_xray_landmarks import io
from napari_xray_landmarks.errors import FileError, InputError
from napari_xray_landmarks.io.meshes import write_mesh
from napari_xray_landmarks.landmarks import Contour
from napari_xray_landmarks.mesh import Mesh
from napari_xray_landmarks.models import load_model
from napari_xray_landmarks.training.shape_models import train_shape_model
from napari_xray_landmarks.training.shapes import read_shapes

ANGLE = np.linspace(0, 2 * np.pi, 360, endpoint=False)


def outline(bump: float) -> np.ndarray:
    radius = 30 * (1 + bump * np.exp(-((ANGLE - 2) ** 2) / 0.1))
    return np.column_stack([2 * radius * np.cos(ANGLE), radius * np.sin(ANGLE)]) + 100


def written(folder, name, points, names=None, closed=True, unit="mm", curve="femur"):
    io.write_contours(folder / f"{name}.mrk.json", [Contour(points, curve, closed, unit, names=names)])


@pytest.fixture
def named(tmp_path):
    """Outlines of different numbers of vertices, that start anywhere, with two named vertices."""
    rng = np.random.default_rng(0)
    for k in range(6):
        kept = np.unique(np.r_[0, 120, rng.choice(360, 150 + 10 * k, replace=False)])
        kept = np.roll(kept, int(rng.integers(99)))
        names = [{0: "tip", 120: "bump"}.get(i, "") for i in kept]
        written(tmp_path, f"s{k}", outline(0.1 + 0.05 * k)[kept], names)
    return tmp_path


def test_contours_are_resampled_between_the_names_they_share(named):
    found = read_shapes(named, points=60)
    assert found.points.shape == (6, 60, 2) and found.closed and found.unit == "mm"
    first, second = found.names.index("tip"), found.names.index("bump")
    for k, points in enumerate(found.points):
        np.testing.assert_allclose(points[[first, second]], outline(0.1 + 0.05 * k)[[0, 120]], atol=1e-6)
        turned = np.roll(points, -first, axis=0)
        steps = np.linalg.norm(np.diff(turned, axis=0), axis=1)[: (second - first) % 60]
        assert steps.std() < 0.02 * steps.mean()
    assert found.names[(first + 2) % 60] == "tip-2"
    assert found.subjects == tuple(f"s{k}" for k in range(6))


def test_a_model_of_them_has_the_one_mode_that_they_differ_by(named, tmp_path):
    trained = train_shape_model(named, tmp_path / "m.safetensors", settings={"points": "60", "retained": "0.9"},
                                anatomy="femur")
    assert len(trained.model.modes) == 1 and trained.header.metrics["modes"] == 1
    back = load_model(tmp_path / "m.safetensors")
    assert back.header.tasks == ("shape",) and back.header.anatomy == "femur"
    np.testing.assert_allclose(back.detector.shape([5.0]), trained.model.shape([5.0]), atol=1e-4)
    assert back.detector.names == trained.shapes.names
    assert trained.quality.generalisation[1] < trained.quality.generalisation[0]


def test_contours_in_correspondence_stay_as_they_are(tmp_path):
    for k in range(3):
        written(tmp_path, f"s{k}", outline(0.1 * k)[::10], curve=f"outline of {k}")
    found = read_shapes(tmp_path)
    np.testing.assert_allclose(found.points, [outline(0.1 * k)[::10] for k in range(3)])
    assert found.names[4] == "point-5"


def test_open_contours_are_resampled_between_their_ends(tmp_path):
    written(tmp_path, "a", outline(0)[:200], closed=False)
    written(tmp_path, "b", outline(0)[:200:3], closed=False)
    found = read_shapes(tmp_path, points=30)
    np.testing.assert_allclose(found.points[:, 0], np.stack([outline(0)[0]] * 2))
    np.testing.assert_allclose(found.points[1, -1], outline(0)[198])
    assert len(found.points[0]) == 30 and not found.closed


def test_tables_of_contours_are_read_too(tmp_path):
    for k in range(2):
        io.write_contours(tmp_path / f"s{k}.csv", [Contour(outline(0.1 * k)[::9], "femur"), Contour(outline(0), "hip")])
    assert read_shapes(tmp_path, contour="femur").unit == "px"
    with pytest.raises(FileError, match=r"s0.csv: holds 2 contours \(femur, hip\)"):
        read_shapes(tmp_path)
    with pytest.raises(FileError, match="no contour 'knee'"):
        read_shapes(tmp_path, contour="knee")


def test_surfaces_in_correspondence_make_a_model_of_size_too(tmp_path):
    import trimesh

    ball = trimesh.creation.icosphere(2, 10.0)
    folder = tmp_path / "balls"
    folder.mkdir()
    for k, scale in enumerate((1.0, 1.1, 1.3, 1.5)):
        write_mesh(folder / f"s{k}.ply", Mesh(ball.vertices * scale * [1, 1.2, 1], ball.faces))
    trained = train_shape_model(folder, tmp_path / "m.safetensors", settings={"scaled": "false"})
    assert len(trained.model.modes) == 1 and trained.quality.generalisation[1] < 1e-3
    with pytest.raises(InputError, match="alike"):
        train_shape_model(folder, tmp_path / "n.safetensors")
    write_mesh(folder / "s9.ply", Mesh(ball.vertices[::-1], len(ball.vertices) - 1 - ball.faces))
    with pytest.raises(FileError, match="s9.ply: joins its vertices to other triangles than s0.ply"):
        train_shape_model(folder, tmp_path / "n.safetensors")


@pytest.mark.parametrize("spoil, says", [
    (lambda f: [p.unlink() for p in sorted(f.iterdir())[1:]], "holds 1 shapes; a shape model needs at least two"),
    (lambda f: written(f, "z", outline(0)[::7]), r"z.mrk.json: has 52 points and s0.mrk.json has \d+, and no"),
    (lambda f: written(f, "z", outline(0)[::-1], ["bump", "tip"] + [""] * 358), "z.mrk.json: runs the other way round"),
    (lambda f: written(f, "z", np.c_[outline(0), ANGLE]), "z.mrk.json: is 3D and s0.mrk.json is 2D"),
    (lambda f: written(f, "z", outline(0), closed=False), "z.mrk.json: is open and s0.mrk.json is closed"),
    (lambda f: written(f, "z", outline(0), unit="px"), "z.mrk.json: is px and s0.mrk.json is mm"),
    (lambda f: (f / "z.mrk.json").write_text("{"), "z.mrk.json: is not JSON"),
    (lambda f: write_mesh(f / "z.ply", Mesh(np.eye(3), [[0, 1, 2]])), "holds contours .* and surfaces"),
])
def test_what_does_not_belong_together_is_refused_in_a_line(named, spoil, says):
    spoil(named)
    with pytest.raises(FileError, match=says):
        read_shapes(named)


def test_names_in_another_order_are_refused(tmp_path):
    names = [{0: "a", 100: "b", 250: "c"}.get(i, "") for i in range(360)]
    written(tmp_path, "one", outline(0), names)
    written(tmp_path, "two", outline(0), [{0: "a", 100: "c", 250: "b"}.get(i, "") for i in range(360)])
    with pytest.raises(FileError, match="two.mrk.json: has the vertices a, b, c in another order than one.mrk.json"):
        read_shapes(tmp_path, points=50)


def test_a_missing_folder_or_bad_setting_is_told(tmp_path, named):
    with pytest.raises(FileError, match="No such file"):
        read_shapes(tmp_path / "gone")
    with pytest.raises(InputError, match="retained"):
        train_shape_model(named, tmp_path / "m.safetensors", settings={"retained": "7"})
    with pytest.raises(InputError, match="too few"):
        read_shapes(named, points=1)


def test_the_command_writes_model_and_report(named, tmp_path):
    from typer.testing import CliRunner

    from napari_xray_landmarks.cli.app import app

    output = tmp_path / "femur.safetensors"
    command = ["train", "shape-model", "--data", str(named), "-o", str(output), "--set", "points=40"]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    report = tmp_path / "femur-report"
    assert {p.name for p in report.iterdir()} == {"quality.csv", "quality.png", "quality.svg", "modes.png", "modes.svg"}
    table = (report / "quality.csv").read_text().splitlines()
    assert table[0].startswith("modes,compactness,generalisation_mm") and len(table) == 7
    from PIL import Image

    assert np.asarray(Image.open(report / "modes.png").convert("L")).std() > 10
