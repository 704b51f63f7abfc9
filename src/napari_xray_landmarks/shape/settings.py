"""Settings of shape models, fixed once they are made."""

from dataclasses import dataclass

from ..options import check_options, option
from .correspondence_settings import CorrespondenceSettings
from .point_distribution import CRITERIA

WHOLE, BOTH = "whole", "both"


@dataclass(frozen=True)
class StatisticsSettings:
    """What is made of shapes in correspondence."""

    retained: float = option(0.98, "Share of the variance that the modes hold", low=0.5, high=1.0, group="training")
    criterion: str = option("variance", "How many modes are kept: by their variance, or by an information criterion",
                            choices=("variance", *CRITERIA), group="training")
    scaled: bool = option(True, "Shapes are brought to one size; otherwise size counts as shape", group="training")
    samples: int = option(200, "Random shapes by which specificity is measured", low=10, high=10_000, group="training")

    def __post_init__(self):
        check_options(self)


@dataclass(frozen=True)
class ShapeModelSettings(StatisticsSettings):
    """How a shape model is made of a user's own shapes; each field's metadata holds its help and range."""

    points: int = option(0, "Points of a contour that is not in correspondence yet; 0 takes as many as the first has",
                         low=0, high=10_000, group="training")
    contour: str = option("", "Which contour of each file, where there are several", group="training")


@dataclass(frozen=True)
class MaskShapeSettings(CorrespondenceSettings, StatisticsSettings):
    """How a shape model is made of masks."""

    structure: str = option("", "Which structure of the masks: its name in about.json, or its label", group="training")
    side: str = option(WHOLE, "Which bone of a structure that comes in two: left, right, or both, the right ones "
                       "mirrored", choices=(WHOLE, "left", "right", BOTH), group="training")
