"""Folders of films as sets to annotate, landmarks that a model proposes in them, and where schemas come from."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from ..errors import FileError, InputError
from ..imaging import Radiograph
from ..io import load_images
from ..io.files import DICOM_SUFFIXES, PICTURE_SUFFIXES, VOLUME_SUFFIXES, looks_like_dicom, stem, suffix
from ..landmarks import Schema

SUFFIX = "-annotated"
SAMPLE, SAMPLE_FILMS, SAMPLE_SUBJECT, TRUTH = "proximal-femur", 3, 1100, "phantom"


def set_folder(folder) -> Path:
    """The training set that belongs to a folder: itself where it has `images/`, otherwise one beside it."""
    folder = Path(folder)
    return folder if (folder / "images").is_dir() else folder.with_name(folder.name + SUFFIX)


def prepare(folder, progress: Callable[[float, str], None]) -> tuple[Path, list[InputError]]:
    """Make films ready to be annotated; the originals are not touched.

    A folder with `images/` is taken as it is. Of any other, the films in it (not in folders below it) are copied into a
    training set beside it, `<folder>-annotated`: PNG, JPEG and TIFF as they are, all others as PNG with their spacing
    in `images.csv`, so that nothing of a header's patient goes along. Where that set is there already, films that it
    lacks join it.

    Returns
    -------
    folder
        The training set.
    failures
        Files that could not be read as films.

    Raises
    ------
    FileError
        If there is nothing to annotate, or the set cannot be written.
    """
    folder, target = Path(folder), set_folder(folder)
    if target == folder:
        return folder, []
    if not folder.is_dir():
        raise FileError(folder, "is no folder", "Give a folder of films")
    files = [path for path in sorted(folder.iterdir()) if _may_be_film(path)]
    have = {p.stem for p in (target / "images").iterdir()} if (target / "images").is_dir() else set()
    failures: list[InputError] = []
    films = _films(((i / len(files), p) for i, p in enumerate(files) if stem(p) not in have), failures, progress)
    from ..training.growing import add_films

    added = add_films(target, films)
    if not added and not have:
        raise FileError(folder, "holds no films", "Choose a folder of PNG, JPEG, TIFF, DICOM, NIfTI, NRRD or MHA films")
    return target, failures


def _may_be_film(path: Path) -> bool:
    if not path.is_file() or path.name.startswith("."):
        return False
    return suffix(path) in PICTURE_SUFFIXES + DICOM_SUFFIXES + VOLUME_SUFFIXES or looks_like_dicom(path)


def _films(files: Iterable[tuple[float, Path]], failures: list[InputError], progress):
    """Each film of each file, read when it is its turn; a run's frames are films of one subject."""
    from ..training.writing import COPIED_PICTURES, SourceFilm

    for done, path in files:
        progress(done, f"reading {path.name}")
        try:
            images = load_images(path)
            if others := [i for i in images if not isinstance(i, Radiograph)]:
                raise FileError(path, f"is a {type(others[0]).__name__.lower()}, not a film", "Leave it out")
        except InputError as error:
            failures.append(error)
            continue
        for number, image in enumerate(images):
            name = stem(path) if len(images) == 1 else f"{stem(path)}-{number + 1}"
            copied = len(images) == 1 and suffix(path) in COPIED_PICTURES
            yield SourceFilm(name, path if copied else image, {}, image.spacing_mm, subject=stem(path))


def propose(films: Sequence, names: Sequence[str], model_path: str, progress) -> tuple[dict, str, list[InputError]]:
    """Search films with a model: ({film: {landmark: (row, column) px}}, the model's name, failures).

    Landmarks that were not detected, or are none of `names`, are left out.
    """
    from ..models import load_model
    from ..training.films import read_film

    progress(0.0, "loading the model")
    model = load_model(model_path)
    if not set(names) & set(model.header.landmarks):
        raise InputError(f"model {model.header.name}", "has none of these landmarks by name", "Choose another model")
    found, failures = {}, []
    for i, film in enumerate(films):

        def part(fraction: float, stage: str = "", i=i, film=film) -> None:
            progress((i + fraction) / len(films), f"{film.name}: {stage}")

        try:
            landmarks = model.detect(read_film(film), progress=part).landmarks
        except InputError as error:
            failures.append(error)
            continue
        there = zip(landmarks.names, landmarks.points.tolist(), landmarks.detected, strict=True)
        found[film.name] = {name: tuple(point) for name, point, seen in there if seen and name in names}
    return found, model.header.name, failures


def known_schemas() -> dict[str, Schema]:
    """Schemas to start from, by what to call them: those of models, and of the anatomies that come with the package."""
    from ..models import list_models
    from ..phantoms import SCHEMAS

    found = {f"{schema.anatomy} (phantom)": schema for schema in SCHEMAS.values()}
    found |= {f"model {header.name}": header.schema for header in list_models("detect")}
    return dict(sorted(found.items()))


def schema_of_set(folder) -> Schema:
    """The schema of a training set that exists.

    Raises
    ------
    FileError
        If there is none, or it is damaged.
    """
    from ..training.annotation_tables import marked_names
    from ..training.schemas import schema_of_about
    from ..training.tables import read_about

    folder = Path(folder)
    about, names = read_about(folder, marked_names(folder))
    if not names:
        raise FileError(folder, "names no landmarks", "Choose a folder with landmarks.csv or about.json")
    return schema_of_about(about, names)


def sample_folder() -> Path:
    """Where the sample's films are."""
    from ..models import models_folder

    return models_folder().parent / "annotation-sample"


def make_sample(progress) -> tuple[Path, list[InputError]]:
    """A few phantom films to try the dock on, with their true landmarks by the annotator `TRUTH`; made once."""
    from ..phantoms import film
    from ..training.growing import add_films
    from ..training.writing import SourceFilm

    target = sample_folder()

    def films():
        for i in range(SAMPLE_FILMS):
            progress(i / SAMPLE_FILMS, f"making film {i + 1} of {SAMPLE_FILMS}")
            made = film(SAMPLE, SAMPLE_SUBJECT + i)
            yield SourceFilm(f"femur-{i + 1}", made.radiograph, {TRUTH: _corners(made.landmarks)})

    if not (target / "images").is_dir():
        add_films(target, films(), schema=_corner_schema())
    return target, []


def _corner_schema() -> Schema:
    """The femur's landmarks that a person can name: those between them go by numbers."""
    from ..phantoms import SCHEMAS

    whole = SCHEMAS[SAMPLE]
    return Schema(whole.anatomy, tuple(name for name in whole.names if not name[-1].isdigit()))


def _corners(landmarks) -> Mapping:
    from ..landmarks import LandmarkSet

    names = _corner_schema().names
    return LandmarkSet(names, [landmarks[name] for name in names])
