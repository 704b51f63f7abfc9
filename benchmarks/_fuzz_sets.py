"""Readers of models, data sets, journals, manifests and settings: how each is called, and what it is given."""

import json
import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from _fuzz_images import PIXELS, Reader, label_files, volumes
from _fuzz_seeds import Seed, written
from _fuzz_texts import contour_files, detection_tables, meshes

FILM = "film.png"


def read_model(path: Path) -> None:
    """The header, the whole file, its settings, and its detector."""
    from napari_xray_landmarks.models import load_model, read_model_header

    header = read_model_header(path)
    repr((header.accuracy, header.tasks, header.schema, header.to_json()))
    load_model(path).settings()


def read_set(folder: Path) -> None:
    from napari_xray_landmarks.training import read_training_set
    from napari_xray_landmarks.training.films import validate

    dataset = read_training_set(folder)
    validate(dataset)
    for film in dataset.films:
        dataset.contours(film)
        dataset.mask_path(film)


def annotate(folder: Path) -> None:
    """Open for annotation, mark, and close: what was typed before stays."""
    from napari_xray_landmarks.training.annotations import open_annotations

    opened = open_annotations(folder, "ann")
    try:
        opened.mark(FILM, "tip", (3.0, 4.0))
    finally:
        opened.close()


def read_journal(path: Path) -> None:
    from napari_xray_landmarks.training.journals import Journal

    journal = Journal(path)
    before = len(journal.entries())
    journal.append({"image": FILM})
    journal.close()
    assert len(Journal(path).entries()) == before + 1


def read_manifest(path: Path) -> None:
    """As a batch that goes on: which inputs are done, by files that lie beside the manifest."""
    from napari_xray_landmarks.cli.manifest import Manifest

    manifest = Manifest(path)
    parts = [part for key in list(manifest._done) if (part := manifest.part(key)) is not None]
    manifest.close()
    for part in parts:
        assert all(Path(name).name == name for name in (*part.files, *part.tables))


def read_schema(path: Path) -> None:
    from napari_xray_landmarks.io.files import read_text
    from napari_xray_landmarks.training.schemas import schema_of_text, text_of_schema

    schema = schema_of_text(read_text(path))
    assert schema_of_text(text_of_schema(schema)) == schema


def read_volumes(folder: Path) -> None:
    from napari_xray_landmarks.training.volumes import read_volume_set

    dataset = read_volume_set(folder)
    for scan in dataset.scans:
        dataset.labels(scan)
    dataset.fingerprint()


def read_shapes(folder: Path) -> None:
    from napari_xray_landmarks.training.shapes import read_shapes

    read_shapes(folder)


def read_femur(path: Path) -> None:
    """A statistical femur of HDF5, and a sample of it."""
    from napari_xray_landmarks.phantoms.femur_model import read_femur_model

    read_femur_model.cache_clear()
    read_femur_model(path).sample(np.random.default_rng(0))


def go_on(folder: Path) -> None:
    """A training run that goes on: its file, and its stages."""
    from napari_xray_landmarks.training.runs import open_run

    run = open_run(folder, recipe="mine", settings={"a": 1}, seed=0, dataset=_Data())
    run.stage("one", lambda: {"values": np.arange(3.0)})


class _Data:
    def fingerprint(self) -> str:
        return "abc"


def go_on_simulating(folder: Path) -> None:
    """The manifest of a simulated set that goes on."""
    from napari_xray_landmarks.training import simulated_sets

    simulated_sets._open(folder, _Plan())


class _Plan:
    def describe(self) -> dict:
        return {"seed": 1}


def import_films(folder: Path) -> None:
    from napari_xray_landmarks.training.importers import import_training_set

    name = json.loads((folder / "which").read_text())
    import_training_set(name, folder / "source", folder / "out")


def settings_of(path: Path) -> None:
    """Settings as a model's header and a user's `--set` give them."""
    from napari_xray_landmarks.io.files import read_text
    from napari_xray_landmarks.models.header import parse_json
    from napari_xray_landmarks.models.methods import METHODS, settings_from

    try:
        given = parse_json(read_text(path), "it")
    except ValueError:
        return
    if isinstance(given, dict):
        for method in METHODS.values():
            settings_from(method.settings_class(), given, {}, "model")
            known = settings_from(method.settings_class(), {}, {}, "model")
            texts = {k: str(v) for k, v in given.items() if hasattr(known, k)}
            settings_from(method.settings_class(), {}, texts, "--set")


def evaluated(folder: Path) -> None:
    """What a report is made of: predictions against truths."""
    from napari_xray_landmarks.evaluation.kinds import common_kind
    from napari_xray_landmarks.evaluation.matching import read_marked

    common_kind(folder / "films.csv", folder / "truth")
    read_marked(folder / "films.csv")
    read_marked(folder / "truth")


@cache
def models() -> list[Seed]:
    """A shape model, and a network of random weights."""
    from napari_xray_landmarks.io import write_contours
    from napari_xray_landmarks.training.shape_models import train_shape_model

    def train(path: Path) -> None:
        with tempfile.TemporaryDirectory() as folder:
            for number, contours in enumerate(_rings()):
                write_contours(Path(folder) / f"{number}.csv", [contours])
            train_shape_model(folder, path, anatomy="femur")

    return [written("model.safetensors", train)]


def _rings() -> list:
    from napari_xray_landmarks.landmarks import Contour

    rng, turn = np.random.default_rng(0), np.linspace(0, 6, 8)
    ring = 10 * np.stack([np.cos(turn), np.sin(turn)], axis=1) + 30
    return [Contour(ring + rng.normal(size=ring.shape), "femur", names=tuple("abcdefgh")) for _ in range(5)]


@cache
def networks() -> list[Seed]:
    """A network of random weights."""
    import torch

    from napari_xray_landmarks.learning.weights import tensors_of
    from napari_xray_landmarks.models import ModelHeader, save_model
    from napari_xray_landmarks.view_invariant.learning import network_of
    from napari_xray_landmarks.view_invariant.settings import ViewInvariantSettings

    torch.manual_seed(0)
    values = {"stages": 2, "channels": 4, "pixel_mm": 1.0}
    network = network_of(ViewInvariantSettings(**values), 3).eval()
    tensors = tensors_of(network, "network") | {"calibration": np.array([1.0, 0.0, 0.0], np.float32)}
    header = ModelHeader("view-invariant", "femur", ("a", "b", "c"), values, {"films": 6}, {"mean_error_px": 1.5})
    return [written("network.safetensors", lambda path: save_model(path, header, tensors))]


def _png(pixels=PIXELS) -> bytes:
    from napari_xray_landmarks.io.pictures import write_png

    return written(FILM, lambda path: write_png(path, pixels)).files[FILM]


_IMAGES = "image,spacing_mm,subject,split\nfilm.png,0.1 0.2,ann,train\nother.png,,bob,test\n"
_MARKS = ("image,landmark,row_px,column_px,annotator\nfilm.png,tip,1,2,ann\nfilm,head-left,3.5,4,ann\n"
          "other.png,tip,,,bob\nfilm.png,tip,1.5,2.5,bob\n")


@cache
def training_sets() -> list[Seed]:
    about = {"name": "mine", "anatomy": "femur", "licence": "CC0-1.0", "landmarks": ["tip", "head-left", "head-right"],
             "schema": {"pairs": [["head-left", "head-right"]], "subshapes": [["tip", "head-left"]], "closed": False}}
    curves = contour_files(".mrk.json")[0].files["curves.mrk.json"]
    texts = {"about.json": json.dumps(about, indent=1), "images.csv": _IMAGES, "landmarks.csv": _MARKS}
    files = {name: text.encode() for name, text in texts.items()} | {
        f"images/{FILM}": _png(), "images/other.png": _png(PIXELS[::2]), "contours/film.mrk.json": curves}
    return [Seed(files, "", (*texts, *texts, "contours/film.mrk.json"))]


@cache
def annotated_sets() -> list[Seed]:
    (seed,) = training_sets()
    entries = [{"image": FILM, "landmark": "tip", "at": [3.0, 4.5]}, {"image": FILM, "landmark": "tip", "at": None},
               {"image": FILM, "seconds": 12.5, "started_from": "mine"},
               {"image": "other.png", "landmark": "x", "at": [1, 2]}]
    own = {".annotating/by-ann.journal": _lines(entries),
           "times.csv": b"image,annotator,seconds,started_from\nfilm.png,ann,3,\n"}
    names = tuple(own) + ("landmarks.csv", "about.json", "images.csv")
    return [Seed(seed.files | own, "", names)]


def _lines(entries: list[dict]) -> bytes:
    return b"".join(b"\n" + json.dumps(entry).encode() for entry in entries)


@cache
def manifests() -> list[Seed]:
    parts = [{"key": "abc", "files": ["film.png"], "tables": {"landmarks.csv": "image,landmark\na,b\n"}, "lines": ["a"],
              "skipped": []}, {"key": "def", "files": [], "tables": {}, "lines": [], "skipped": []}]
    files = {"manifest.jsonl": _lines(parts), FILM: _png()}
    return [Seed(files, "manifest.jsonl", ("manifest.jsonl",))]


@cache
def journals() -> list[Seed]:
    (seed,) = annotated_sets()
    return [Seed({"by.journal": seed.files[".annotating/by-ann.journal"]}, "by.journal")]


@cache
def schemas() -> list[Seed]:
    text = "nasion\nlip-left\nlip-right\ncanine\nmolar\npair: canine; molar\nsubshape: nasion; lip-left; lip-right\n"
    return [Seed({"schema.txt": text.encode()}, "schema.txt")]


@cache
def volume_sets() -> list[Seed]:
    about = {"name": "mine", "anatomy": "knee", "modality": "MR", "structures": {"femur": 1, "cartilage": 2},
             "cartilages": {"cartilage": "femur"}, "shapes": ["femur"], "centres": {"cartilage": 20}}
    labels, image = label_files()[0], volumes(".nii.gz")[0]
    tables = {"about.json": json.dumps(about, indent=1).encode(), "images.csv": b"image,split,side\na,,left\n"}
    files = tables | {"masks/a.nii.gz": labels.files["labels.nii.gz"], "images/a.nii.gz": image.files["whole.nii.gz"]}
    return [Seed(files, "", ("about.json", "images.csv", "about.json", "images.csv", "masks/a.nii.gz"))]


@cache
def shape_sets() -> list[Seed]:
    curve = contour_files(".csv")[0].files["curves.csv"]
    alone = b"\n".join(line for line in curve.split(b"\n") if b"shaft" not in line)
    bone = meshes(".ply")[0].files["bone.ply"]
    return [Seed({f"{n}.csv": alone for n in "abc"}), Seed({f"{n}.ply": bone for n in "ab"})]


@cache
def femurs() -> list[Seed]:
    import h5py
    import trimesh

    from napari_xray_landmarks.phantoms.vertices import VERTICES

    ball = trimesh.creation.uv_sphere(radius=20.0, count=[41, 40])
    points = np.resize(ball.vertices, (VERTICES["femur"]["count"], 3)).astype(np.float32)

    def write(path: Path, **packing) -> None:
        with h5py.File(path, "w") as file:
            file.create_dataset("model/mean", data=points.ravel(), **packing)
            file["model/pcaBasis"] = np.random.default_rng(0).normal(size=(points.size, 2)).astype(np.float32)
            file["model/pcaVariance"] = np.array([2.0, 1.0], np.float32)
            file["representer/cells"] = ball.faces[(ball.faces < len(points)).all(1)].T.astype(np.int32)

    return [written("femur.h5", write), written("packed.h5", lambda path: write(path, compression="gzip"))]


@cache
def runs() -> list[Seed]:
    from napari_xray_landmarks.training.runs import open_run

    with tempfile.TemporaryDirectory() as folder:
        run = open_run(folder, recipe="mine", settings={"a": 1}, seed=0, dataset=_Data())
        run.keep("one", {"values": np.arange(3.0)})
        return [Seed({path.name: path.read_bytes() for path in Path(folder).iterdir()})]


@cache
def simulated() -> list[Seed]:
    from napari_xray_landmarks.training.simulated_sets import FORMAT, MANIFEST

    line = {"number": 0, "image": FILM, "subject": "a", "split": "train", "spacing_mm": [0.1, 0.1], "flipped": False,
            "metal": False, "landmarks": {"tip": [1.0, 2.0, True]}}
    text = "".join(json.dumps(entry) + "\n" for entry in ({"format": FORMAT, "seed": 1}, line))
    return [Seed({MANIFEST: text.encode(), f"images/{FILM}": _png()}, "", (MANIFEST,))]


@cache
def published() -> list[Seed]:
    """Data sets as they are published elsewhere."""
    from napari_xray_landmarks.training.importers import ISBI_LANDMARKS

    film = _png()
    points = "".join(f"{10 + i},{20 + i}\n" for i in range(len(ISBI_LANDMARKS))) + "1\n2\n"
    isbi = {"which": b'"isbi-cephalogram"', "source/RawImage/TrainingData/001.png": film,
            "source/AnnotationsByMD/400_senior/001.txt": points.encode()}
    xy = {"which": b'"xy-json"', "source/images/001.png": film,
          "source/landmarks_ann.json": json.dumps({"001": {"tip": [3, 4], "head": [5.5, 6]}}).encode()}
    rows = ",".join(f"{v:.4f}" for v in np.tile(np.linspace(0.1, 0.9, 68), 2))
    jpeg = written("a.jpg", lambda path: _save(path)).files["a.jpg"]
    aasce = {"which": b'"aasce"', "source/landmarks.csv": rows.encode() + b"\n", "source/filenames.csv": b"a.jpg\n",
             "source/angles.csv": b"30,20,10\n", "source/images/a.jpg": jpeg}
    bodies = np.zeros_like(PIXELS)
    for level in range(3):
        bodies[3 + 12 * level:11 + 12 * level, 8:24] = level + 1
    masks = {"which": b'"spine-masks"', f"source/images/{FILM}": film, f"source/masks/{FILM}": _png(bodies)}
    return [Seed(masks, "", (f"source/masks/{FILM}",)), Seed(xy, "", ("source/landmarks_ann.json",)),
            *(Seed(files, "", tuple(name for name in files if name.endswith(ending)))
              for files, ending in ((isbi, ".txt"), (aasce, ".csv")))]


def _save(path: Path) -> None:
    from PIL import Image

    Image.fromarray(PIXELS).save(path)


@cache
def settings_files() -> list[Seed]:
    from dataclasses import asdict

    from napari_xray_landmarks.models.methods import METHODS

    texts = (json.dumps(asdict(method.settings_class()()), default=str) for method in METHODS.values())
    return [Seed({"settings.json": text.encode()}, "settings.json") for text in texts]


@cache
def evaluations() -> list[Seed]:
    (truth,) = training_sets()
    table = detection_tables()[0].files["films.csv"]
    return [Seed({f"truth/{name}": data for name, data in truth.files.items()} | {"films.csv": table}, "",
                 ("films.csv", "truth/landmarks.csv", "truth/images.csv", "truth/about.json"))]


READERS = {
    "model": Reader(models, read_model),
    "model with a network": Reader(networks, read_model),
    "training set": Reader(training_sets, read_set),
    "set under annotation": Reader(annotated_sets, annotate, removes=True),
    "journal": Reader(journals, read_journal),
    "schema": Reader(schemas, read_schema),
    "volume set": Reader(volume_sets, read_volumes),
    "shapes": Reader(shape_sets, read_shapes),
    "statistical femur (.h5)": Reader(femurs, read_femur),
    "training run": Reader(runs, go_on, removes=True),
    "simulated set": Reader(simulated, go_on_simulating, removes=True),
    "published sets": Reader(published, import_films),
    "batch manifest": Reader(manifests, read_manifest, removes=True),
    "settings": Reader(settings_files, settings_of),
    "evaluation": Reader(evaluations, evaluated),
}
