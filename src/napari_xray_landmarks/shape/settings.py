"""Settings of shape models, fixed once they are made."""

from dataclasses import dataclass, field

from .point_distribution import CRITERIA


def _option(default, help: str, **values):
    known = {"low": None, "high": None, "log": False, "unit": "", "group": "training", "choices": None}
    return field(default=default, metadata={"help": help, **known, **values})


@dataclass(frozen=True)
class ShapeModelSettings:
    """How a shape model is made of a user's own shapes; each field's metadata holds its help and range."""

    retained: float = _option(0.98, "Share of the variance that the modes hold", low=0.5, high=1.0)
    criterion: str = _option("variance", "How many modes are kept: by their variance, or by an information criterion",
                             choices=("variance", *CRITERIA))
    scaled: bool = _option(True, "Shapes are brought to one size; otherwise size counts as shape")
    points: int = _option(0, "Points of a contour that is not in correspondence yet; 0 takes as many as the first has",
                          low=0, high=10_000)
    contour: str = _option("", "Which contour of each file, where there are several")
    samples: int = _option(200, "Random shapes by which specificity is measured", low=10, high=10_000)

    def __post_init__(self):
        if not 0 < self.retained <= 1:
            raise ValueError(f"retained must lie in (0, 1], got {self.retained}")
        if self.criterion not in ("variance", *CRITERIA):
            raise ValueError(f"criterion must be variance, {', '.join(CRITERIA)}, got {self.criterion!r}")
        if not 0 <= self.points <= 10_000 or not 10 <= self.samples <= 10_000:
            raise ValueError(f"points must lie in [0, 10000] and samples in [10, 10000], got {self.points} and "
                             f"{self.samples}")
