"""The methods that a model file may name, and the rooms that run them; the rooms are imported only when asked for."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from importlib import import_module
from types import ModuleType

from ..errors import InputError

PACKAGE = __name__.rpartition(".models")[0]


@dataclass(frozen=True)
class Method:
    """One method of the package.

    Parameters
    ----------
    name
        As it stands in a model file.
    detector
        "room.module" whose `load(header, tensors)` returns an object with `detect(radiograph, settings, *, seed,
        progress)`, `segment` with the same arguments, or both: what the header's tasks name.
    settings
        "room.module:Class" of its settings dataclass.
    citation
        The paper that it is from.
    allows_nonfinite
        Whether its tensors may hold NaN or infinity.
    """

    name: str
    detector: str
    settings: str
    citation: str
    allows_nonfinite: bool = False

    def detector_module(self) -> ModuleType:
        """The module that loads and runs this method's models."""
        return import_room(self.detector)

    def settings_class(self) -> type:
        """The frozen dataclass of this method's settings."""
        module, _, name = self.settings.partition(":")
        return getattr(import_module(f"{PACKAGE}.{module}"), name)


METHODS = {
    method.name: method
    for method in (
        Method(
            "joint-displacement",
            "joint_displacement.detector",
            "joint_displacement.settings:JointDisplacementSettings",
            "Chen C, Xie W, Franke J, Grützner PA, Nolte LP, Zheng G: Fully Automatic X-Ray Image Segmentation via "
            "Joint Estimation of Image Displacements. MICCAI 2013",
        ),
        Method(
            "deep-morphing",
            "deep_morphing.segmenter",
            "deep_morphing.settings:DeepMorphingSettings",
            "Pries A, Schreier PJ, Lamm A, Pede S, Schmidt J: Deep Morphing: Detecting bone structures in fluoroscopic "
            "X-ray images with prior knowledge. arXiv:1808.04441, 2018",
        ),
        Method(
            "bipartite-spine",
            "spine.detector",
            "spine.settings:SpineSettings",
            "Imran AAZ, Huang C, Tang H, Fan W, Cheung KMC, To M, Qian Z, Terzopoulos D: Bipartite Distance for "
            "Shape-Aware Landmark Detection in Spinal X-Ray Images. arXiv, 2020",
        ),
        Method(
            "view-invariant",
            "view_invariant.detector",
            "view_invariant.settings:ViewInvariantSettings",
            "Bier B, Unberath M, Zaech JN, Fotouhi J, Armand M, Osgood G, Navab N, Maier A: X-ray-transform Invariant "
            "Anatomical Landmark Detection for Pelvic Trauma Surgery. MICCAI 2018",
        ),
        Method(
            "deep-shape",
            "deep_shape.segmenter",
            "deep_shape.settings:DeepShapeSettings",
            "Schock J, Kopaczka M et al.: A Method for Semantic Knee Bone and Cartilage Segmentation with Deep 3D "
            "Shape Fitting Using Data From the Osteoarthritis Initiative. ShapeMI at MICCAI 2020",
        ),
        Method(
            "shape-model",
            "shape.shape_models",
            "shape.settings:ShapeModelSettings",
            "Cootes TF, Taylor CJ, Cooper DH, Graham J: Active Shape Models - Their Training and Application. "
            "Computer Vision and Image Understanding 61(1), 1995",
        ),
    )
}


def import_room(module: str) -> ModuleType:
    """A module "room.module" of this package.

    Raises
    ------
    InputError
        If a library that it needs is not installed.
    """
    try:
        return import_module(f"{PACKAGE}.{module}")
    except ModuleNotFoundError as error:
        if (error.name or "").startswith(PACKAGE):
            raise
        remedy = "Install napari-xray-landmarks[torch]"
        raise InputError(module.partition(".")[0], f"needs the library {error.name}", remedy) from error


def settings_from(cls: type, stored: Mapping, overrides: Mapping, subject: str):
    """Build a settings dataclass from what a model stores and what a user asks for.

    Parameters
    ----------
    cls
        The settings dataclass; its defaults fill what neither names.
    stored
        Values of the model file; names that `cls` does not know (of an older version) are left out.
    overrides
        The user's values, of the field's type or as text ("0.2", "false").
    subject
        What to name in an error message.

    Raises
    ------
    InputError
        For an option that the method does not have, or a value that it does not take.
    """
    defaults = {f.name: getattr(cls(), f.name) for f in fields(cls)}
    if unknown := sorted(set(overrides) - set(defaults)):
        raise InputError(subject, f"there is no setting {unknown[0]!r}", f"Settings are: {', '.join(defaults)}")
    values = {name: value for name, value in stored.items() if name in defaults}
    try:
        return cls(**values | {name: _typed(name, value, defaults[name]) for name, value in overrides.items()})
    except (ValueError, TypeError) as error:
        raise InputError(subject, f"cannot use these settings: {error}", "Change the value") from error


def _typed(name: str, value, default):
    """`value` in the type of `default`, from its text where it is one."""
    if not isinstance(value, str) or isinstance(default, str):
        return value
    if isinstance(default, bool):
        if value.lower() not in ("true", "false", "yes", "no", "1", "0"):
            raise ValueError(f"{name} must be true or false, got {value!r}")
        return value.lower() in ("true", "yes", "1")
    if not isinstance(default, (int, float)):
        raise ValueError(f"{name} cannot be given as text, got {value!r}")
    try:
        return type(default)(value)
    except ValueError:
        kind = "a whole number" if isinstance(default, int) else "a number"
        raise ValueError(f"{name} must be {kind}, got {value!r}") from None
