"""Which models there are, and a loaded model that searches films or volumes."""

import os
import warnings
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from platformdirs import user_data_path

from ..errors import ModelError
from ..imaging import Radiograph, Volume, check_film, check_volume
from .anatomy import what_else_it_shows
from .confidence import told
from .devices import on_device
from .format import ENDING, read_model_file, read_model_header
from .header import ModelHeader
from .methods import METHODS, settings_from

if TYPE_CHECKING:
    from ..shape.segmentation import Segmentation
    from ..shape.volume_segmentation import VolumeSegmentation

BUNDLED_FOLDER = Path(__file__).parent / "weights"
FOLDER_VARIABLE = "XRAY_LANDMARKS_MODELS"


@dataclass(frozen=True, eq=False)
class Model:
    """A model in memory, ready to search films or volumes.

    Parameters
    ----------
    header
        What its file says about it.
    detector
        The method's own object, with a method for each of the header's tasks, `detect` or `segment`, called as
        `detect(radiograph, settings, *, seed, progress)`.
    path
        The file.
    """

    header: ModelHeader
    detector: Any
    path: Path

    def settings(self, **overrides):
        """The method's settings dataclass: its defaults, then the model's own values, then `overrides`.

        Raises
        ------
        InputError
            For an option that the method does not have, or a value that it does not take.
        """
        cls = METHODS[self.header.method].settings_class()
        return settings_from(cls, self.header.settings, overrides, f"model {self.header.name}")

    def detect(self, radiograph: Radiograph, settings=None, *, seed: int = 0, progress=None):
        """Find the landmarks in one radiograph.

        Parameters
        ----------
        radiograph
            The image.
        settings
            The method's settings dataclass; None takes the model's own.
        seed
            Of what the method draws at random; the same seed gives the same result.
        progress
            Called as `progress(fraction, stage)`; may raise `errors.Cancelled`.

        Raises
        ------
        ModelError
            If the model cannot do that, or not on this kind of image.
        InputError
            If the image holds nothing to detect.
        """
        return told(self.header, self._run("detect", radiograph, settings, seed, progress))

    def segment(self, image: Radiograph | Volume, settings=None, *, seed: int = 0, progress=None
                ) -> "Segmentation | VolumeSegmentation":
        """Outline the bones in one radiograph, or label those in one volume, as the header's `dimensions` say.

        The arguments and errors are those of `detect`.
        """
        return self._run("segment", image, settings, seed, progress)

    def require(self, task: str) -> None:
        """Raise ModelError where the model cannot do a task, "detect" or "segment"."""
        if task not in self.header.tasks:
            able = [h.name for h in list_models(task)]
            remedy = f"Choose one of: {', '.join(able)}" if able else f"Train a model that can {task}"
            problem = f"cannot {task}, only {' and '.join(self.header.tasks)}"
            raise ModelError(f"model {self.header.name}", problem, remedy)

    def _run(self, task: str, image, settings, seed, progress):
        self.require(task)
        check_image(self.header, image)
        settings = self.settings() if settings is None else settings
        return getattr(self.detector, task)(image, settings, seed=seed, progress=progress)


def models_folder() -> Path:
    """Where a user's own models are: $XRAY_LANDMARKS_MODELS, or `models` in the platform's folder for user data."""
    if folder := os.environ.get(FOLDER_VARIABLE):
        return Path(folder).expanduser()
    return user_data_path("napari-xray-landmarks", appauthor=False) / "models"


def find_models() -> dict[str, Path]:
    """Model files by name, sorted; one of the user's own hides a bundled one of that name."""
    paths = {}
    for folder in (BUNDLED_FOLDER, models_folder()):
        if folder.is_dir():
            paths |= {path.stem: path for path in folder.glob(f"*{ENDING}") if path.is_file()}
    return dict(sorted(paths.items()))


def list_models(task: str | None = None, dimensions: int | None = None) -> list[ModelHeader]:
    """The headers of all bundled and local models, by name, or of those that can do a task, "detect" or "segment", with
    films (2 dimensions) or volumes (3).

    Damaged files are left out with a warning.
    """
    headers = []
    for path in find_models().values():
        try:
            headers.append(read_model_header(path))
        except ModelError as error:
            warnings.warn(str(error), stacklevel=2)
    return [header for header in headers if (task is None or task in header.tasks)
            and (dimensions is None or dimensions == header.dimensions)]


def find_model(name_or_path) -> Path:
    """The file of a model given by name or by path.

    Raises
    ------
    ModelError
        If there is none.
    """
    path = Path(name_or_path).expanduser()
    if path.suffix == ENDING or path.parent != Path("."):
        return path
    models = find_models()
    if path.name not in models and path.is_file():
        return path
    if path.name not in models:
        close = get_close_matches(path.name, models, 1)
        hint = f"Did you mean {close[0]!r}? " if close else ""
        known = f"Models are: {', '.join(models)}" if models else f"There are no models; put them in {models_folder()}"
        raise ModelError(name_or_path, "there is no model of that name", hint + known)
    return models[path.name]


def load_model(name_or_path, *, anatomy: str | None = None, device: str = "cpu") -> Model:
    """Load a model.

    Parameters
    ----------
    name_or_path
        The name of a bundled or local model, or a `.safetensors` file.
    anatomy
        What it will be used on; a model for another anatomy is refused.
    device
        Where its networks run: "cpu", "cuda", or "auto" for CUDA where there is some.

    Raises
    ------
    ModelError
        If there is none, it is damaged, or it is for another anatomy.
    InputError
        If there is no such device.
    """
    path = find_model(name_or_path)
    header, tensors = read_model_file(path)
    if anatomy is not None and anatomy != header.anatomy:
        fitting = [h.name for h in list_models() if h.anatomy == anatomy]
        remedy = f"Choose one of: {', '.join(fitting)}" if fitting else f"Train a model for the {anatomy}"
        raise ModelError(path, f"is a model for the {header.anatomy}, not for the {anatomy}", remedy)
    module = METHODS[header.method].detector_module()
    try:
        detector = module.load(header, tensors)
    except ModelError:
        raise
    except (KeyError, ValueError, IndexError, TypeError) as error:
        remedy = "Train it again with this version"
        raise ModelError(path, f"its tensors do not fit the method {header.method} ({error})", remedy) from error
    return Model(header, on_device(detector, device), path)


def read_card(name_or_path) -> str:
    """The card beside a model file (Markdown: data, licence, figures, limits), or "" where there is none."""
    card = find_model(name_or_path).with_suffix(".md")
    return card.read_text(encoding="utf-8", errors="replace") if card.is_file() else ""


def detect(image: Radiograph, model, *, seed: int = 0, progress=None, **settings):
    """Find landmarks with a model, given as `Model`, name or path, and single settings by name.

    >>> detect(radiograph, "pelvis-ap", alpha=0.2)  # doctest: +SKIP
    """
    model = model if isinstance(model, Model) else load_model(model)
    return model.detect(image, model.settings(**settings), seed=seed, progress=progress)


def segment(image: Radiograph | Volume, model, *, seed: int = 0, progress=None, **settings
            ) -> "Segmentation | VolumeSegmentation":
    """Outline or label bones with a model, given as `Model`, name or path, and single settings by name.

    >>> segment(radiograph, "proximal-femur-ap").bones[0].contour  # doctest: +SKIP
    """
    model = model if isinstance(model, Model) else load_model(model)
    return model.segment(image, model.settings(**settings), seed=seed, progress=progress)


def check_image(header: ModelHeader, image) -> None:
    """Refuse what a model cannot work on.

    Raises
    ------
    ModelError
        If it is no radiograph where the model takes those, or no volume where it takes these, or it says that it shows
        another anatomy or is of another modality.
    InputError
        If its values are constant, or not finite, or labels.
    """
    wanted, several, remedy = ((Radiograph, "radiographs", "Choose a 2D film") if header.dimensions == 2 else
                               (Volume, "volumes", "Choose a CT or MR volume"))
    if not isinstance(image, wanted):
        problem = f"works on {several}, not on a {type(image).__name__.lower()}"
        raise ModelError(f"model {header.name}", problem, remedy)
    if shown := what_else_it_shows(image.header, header.anatomy):
        problem = f"is for the {header.anatomy}, but the header of {image.name} says {shown}"
        remedy = "Choose another model, or correct the header where it is wrong"
        raise ModelError(f"model {header.name}", problem, remedy)
    if wanted is Radiograph:
        check_film(image)
        return
    check_volume(image)
    modality = header.extra.get("modality", "")
    if {image.modality, modality} == {"MR", "CT"}:
        problem = f"is for {modality}, but {image.name} is a {image.modality}"
        raise ModelError(f"model {header.name}", problem, "Choose another model")
