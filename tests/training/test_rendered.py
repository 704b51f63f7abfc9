"""Films of CTs that are rendered while a network trains."""

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("lightning_fabric")

from napari_xray_landmarks.cli.app import main  # noqa: E402
from napari_xray_landmarks.cli.train_cts import marked_cts, rendered_films  # noqa: E402
from napari_xray_landmarks.errors import Cancelled, FileError, InputError  # noqa: E402
from napari_xray_landmarks.evaluation.view_sphere import read_view_sphere  # noqa: E402
from napari_xray_landmarks.imaging import Volume  # noqa: E402
from napari_xray_landmarks.io import save_landmarks, write_volume  # noqa: E402
from napari_xray_landmarks.landmarks import LandmarkSet  # noqa: E402
from napari_xray_landmarks.models import read_model_header  # noqa: E402
from napari_xray_landmarks.training.recipes import train  # noqa: E402
from napari_xray_landmarks.training.rendered import RenderedFilms  # noqa: E402

NAMES = ("knob-left", "knob-right", "top")
QUICK = {"rows": 64, "columns": 80, "pixel_mm": 3.0, "epochs": 2, "batch": 4, "stages": 2, "channels": 4, "threads": 1,
         "films": 12, "fresh": 8}


def write_ct(folder, seed: int) -> None:
    """A block with three bony balls as NAME.nii.gz and NAME.mrk.json."""
    rng = np.random.default_rng(seed)
    points = np.array([[-20.0, 0, 30], [-20, 0, -30], [30, 10, 0]]) + rng.uniform(-6, 6, (3, 3))
    axis = np.arange(-60, 61, 6.0)
    world = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1)
    hu = np.where(np.abs(world).max(-1) < 55, 20.0, -1000.0)
    for point in points:
        hu[np.linalg.norm(world - point, axis=-1) < 12] = 900
    matrix = np.diag([6.0, 6, 6, 1])
    matrix[:3, 3] = -60
    write_volume(folder / f"person{seed}.nii.gz", Volume(hu.astype(np.int16), matrix, modality="CT"))
    save_landmarks(folder / f"person{seed}.mrk.json", LandmarkSet(NAMES, points, unit="mm"))


@pytest.fixture(scope="module")
def cts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cts")
    for seed in range(6):
        write_ct(folder, seed)
    return folder


def source(folder, **options) -> RenderedFilms:
    return rendered_films(folder, (), **{"femurs": None, "sampled": 0, "anatomy": "block", "seed": 0} | options)


def test_subjects_are_split_and_films_of_a_split_are_always_the_same(cts):
    films = source(cts)
    assert films.landmark_names == NAMES and sum(films.splits.values()) == 6
    assert set(films.splits) == {"train", "validation", "test"}
    of = {split: next(films.films_of_split(split, [3])) for split in films.splits}
    assert len({film.subject for film in of.values()}) == 3
    again = next(source(cts).films_of_split("train", [3]))
    assert np.array_equal(again.radiograph.pixels, of["train"].radiograph.pixels)
    assert films.fingerprint() == source(cts).fingerprint() != source(cts, seed=1).fingerprint()


def test_a_network_trains_on_them_is_looked_at_from_all_sides_and_goes_on_where_it_was_stopped(cts, tmp_path):
    whole, parts = tmp_path / "whole.safetensors", tmp_path / "parts.safetensors"
    train("view-invariant", source(cts), whole, settings=QUICK, seed=2)
    header = read_model_header(whole)
    assert header.landmarks == NAMES and header.anatomy == "block"
    assert header.training["films"] == 12 and header.training["subjects"] == 6
    assert header.training["splits"]["test"] == 1

    def stop(fraction, stage):
        if "epoch 2" in stage:
            raise Cancelled

    report = tmp_path / "report"
    with pytest.raises(SystemExit) as left:
        main(["view-sphere", str(cts / "person0.nii.gz"), "--landmarks", str(cts / "person0.mrk.json"), "--model",
              str(whole), "--step", "45", "-o", str(report), "--quiet"])
    assert left.value.code == 0
    sphere = read_view_sphere(report / "view-sphere.csv")
    assert sphere.names == NAMES and len(sphere.lao) == 9 and "<svg" in (report / "report.html").read_text()

    with pytest.raises(Cancelled):
        train("view-invariant", source(cts), parts, settings=QUICK, seed=2, progress=stop)
    kept = sorted(p.name for p in parts.with_suffix(".run").glob("stage-films-*"))
    assert kept == ["stage-films-train-000000.safetensors", "stage-films-validation-000000.safetensors"]
    train("view-invariant", source(cts), parts, settings=QUICK, seed=2)
    assert read_model_header(parts).training == header.training


def test_recipes_that_take_films_refuse_cts(cts, tmp_path):
    with pytest.raises(InputError, match="takes films, not CTs"):
        train("spine", source(cts), tmp_path / "model.safetensors")


def test_a_ct_without_landmarks_and_a_folder_without_cts_are_refused(cts, tmp_path):
    with pytest.raises(FileError, match="no CT"):
        marked_cts(tmp_path, [])
    write_ct(tmp_path, 9)
    (tmp_path / "person9.mrk.json").unlink()
    with pytest.raises(FileError, match="has no landmarks"):
        marked_cts(tmp_path, [])
    with pytest.raises(FileError, match="is no folder"):
        marked_cts(tmp_path / "none", [])
    assert marked_cts(cts, [cts])[cts / "person0.nii.gz"] == cts / "person0.mrk.json"


def test_landmarks_of_another_name_are_refused(tmp_path):
    for seed in (0, 1):
        write_ct(tmp_path, seed)
    other = LandmarkSet(("knob-left", "knob-right", "bottom"), np.zeros((3, 3)), unit="mm")
    save_landmarks(tmp_path / "person1.mrk.json", other)
    films = source(tmp_path)
    with pytest.raises(InputError, match="not those of the first subject"):
        for split in films.splits:
            for film in films.films_of_split(split, [0, 40]):
                assert film.landmarks.names == NAMES


def test_options_that_do_not_go_together_are_refused(cts):
    with pytest.raises(InputError, match="needs the pelvis atlas"):
        source(cts, sampled=3)


def test_progress_says_when_films_are_rendered(cts, tmp_path):
    told = []
    train("view-invariant", source(cts), tmp_path / "m.safetensors", settings=QUICK | {"epochs": 1},
          progress=lambda fraction, stage: told.append(stage))
    assert any("rendering" in stage for stage in told)
