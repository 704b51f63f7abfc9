"""Settings of shape models, fixed once they are made."""

from dataclasses import dataclass

from ..options import check_options, option
from .point_distribution import CRITERIA


@dataclass(frozen=True)
class ShapeModelSettings:
    """How a shape model is made of a user's own shapes; each field's metadata holds its help and range."""

    retained: float = option(0.98, "Share of the variance that the modes hold", low=0.5, high=1.0, group="training")
    criterion: str = option("variance", "How many modes are kept: by their variance, or by an information criterion",
                            choices=("variance", *CRITERIA), group="training")
    scaled: bool = option(True, "Shapes are brought to one size; otherwise size counts as shape", group="training")
    points: int = option(0, "Points of a contour that is not in correspondence yet; 0 takes as many as the first has",
                         low=0, high=10_000, group="training")
    contour: str = option("", "Which contour of each file, where there are several", group="training")
    samples: int = option(200, "Random shapes by which specificity is measured", low=10, high=10_000, group="training")

    def __post_init__(self):
        check_options(self)
