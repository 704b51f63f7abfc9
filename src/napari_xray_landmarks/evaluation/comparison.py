"""What every kind of evaluation comes to: a value for each image, each item in it and each measure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from .cases import Case
from .statistics import summary

EVERY_ITEM = "all"
NOTHING = 1e-9  # an error that is rounding alone
THRESHOLDS = {"px": (10.0, 20.0, 30.0), "mm": (2.0, 2.5, 3.0, 4.0), "°": (2.0, 5.0, 10.0)}


@dataclass(frozen=True)
class Measure:
    """Something that is measured.

    Parameters
    ----------
    key
        Its column.
    title
        In words.
    unit
        "mm", "px", "°", or "" of a share.
    more_is_better
        As of Dice's coefficient; otherwise it is an error.
    """

    key: str
    title: str
    unit: str = ""
    more_is_better: bool = False

    @property
    def heading(self) -> str:
        """Its title with the unit."""
        return f"{self.title} [{self.unit}]" if self.unit else self.title


@dataclass(frozen=True, eq=False)
class Pairs:
    """One quantity, as predicted and as it is: for a Bland-Altman plot.

    Parameters
    ----------
    name, unit
    predicted, true : (N,) array
        NaN where one is unknown.
    """

    name: str
    unit: str
    predicted: np.ndarray
    true: np.ndarray


@dataclass(frozen=True, eq=False)
class Comparison:
    """Predicted against true, of any kind.

    Parameters
    ----------
    kind
        "landmarks", "contours", "labels", "angles" or "poses".
    predicted, truth
        The files' names.
    item
        What an image holds several of: "landmark", "structure", ...
    measures
        The first one ranks images.
    values
        One row for each image and item: `image`, `item`, `subject`, `failed`, and a column a measure: infinite where
        there is a truth and no prediction, NaN where a value means nothing.
    headline
        The result in a few sentences, with units.
    pairs
        For Bland-Altman plots.
    notes
        What a reader must know.
    thresholds
        Of the shares within an error, by unit.
    case
        Gives the drawing of an image by its name; None where there is nothing to draw.
    """

    kind: str
    predicted: str
    truth: str
    item: str
    measures: tuple[Measure, ...]
    values: pd.DataFrame
    headline: tuple[str, ...] = ()
    pairs: tuple[Pairs, ...] = ()
    notes: tuple[str, ...] = ()
    thresholds: Mapping[str, Sequence[float]] = field(default_factory=lambda: dict(THRESHOLDS))
    case: Callable[[str], Case] | None = None
    seed: int = 0

    @property
    def main(self) -> Measure:
        """The measure that ranks images."""
        return self.measures[0]

    @property
    def images(self) -> tuple[str, ...]:
        """Their names, in the order of the truth."""
        return tuple(dict.fromkeys(self.values["image"]))

    @property
    def failure_rate(self) -> float:
        """Share of what there was to find that failed: was missed, invented, or farther off than a limit."""
        known = self.values[self.main.key].notna()
        return float(self.values["failed"][known].mean()) if known.any() else float("nan")

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row for each item, and for all, and each measure: count, missing, mean with its interval, median, ..."""
        groups = [(EVERY_ITEM, self.values), *self.values.groupby("item", sort=False)]
        return pd.DataFrame([self._row(item, rows, measure) for measure in self.measures for item, rows in groups])

    def _row(self, item: str, rows: pd.DataFrame, measure: Measure) -> dict:
        near = () if measure.more_is_better else self.thresholds.get(measure.unit, ())
        numbers = summary(rows[measure.key], near, clusters=rows["subject"], seed=self.seed)
        named = {f"{k}_{measure.unit}" if k.startswith("within_") else k: v for k, v in numbers.items()}
        known = rows["image"][rows[measure.key].notna()].nunique()
        return {self.item: item, "measure": measure.key, "unit": measure.unit, "images": known,
                "failed": int(rows["failed"].sum())} | named

    def row(self, measure: str, item: str = EVERY_ITEM) -> pd.Series:
        """One row of `table`; KeyError where there is none."""
        found = self.table[(self.table["measure"] == measure) & (self.table[self.item] == item)]
        if found.empty:
            raise KeyError((measure, item))
        return found.iloc[0]

    @cached_property
    def by_image(self) -> pd.DataFrame:
        """One row an image, the worst first: `image`, `failed` (count), each measure's mean over its items, `worst`."""
        rows = [self._image_row(image, rows) for image, rows in self.values.groupby("image", sort=False)]
        table = pd.DataFrame(rows)
        order = table[self.main.key].fillna(-np.inf if self.main.more_is_better else np.inf)
        ranked = table.assign(rank=order).sort_values(
            ["failed", "rank"], ascending=[False, self.main.more_is_better], kind="stable", ignore_index=True)
        return ranked.drop(columns="rank")

    def _image_row(self, image: str, rows: pd.DataFrame) -> dict:
        means = {m.key: float(rows[m.key].where(np.isfinite(rows[m.key])).mean()) for m in self.measures}
        ranked = rows[self.main.key] * (-1 if self.main.more_is_better else 1)
        worst = rows["item"][ranked.idxmax()] if ranked.notna().any() else ""
        return {"image": image, "failed": int(rows["failed"].sum()), **means, "worst": worst}

    def worst(self, most: int = 6) -> list[tuple[str, str]]:
        """The worst images, each with its result in words; images without any error are left out."""
        found = []
        for row in self.by_image.head(most).to_dict("records"):
            value = row[self.main.key]
            right = value >= 1 if self.main.more_is_better else value < NOTHING
            if not row["failed"] and (right or np.isnan(value)):
                continue
            text = f"{self.main.title} {value:.2f} {self.main.unit}".strip() if np.isfinite(value) else "nothing found"
            failed = f", {row['failed']} failed" if row["failed"] and np.isfinite(value) else ""
            one = self.values["item"].nunique() == 1
            found.append((row["image"], text + failed + ("" if one else f"; worst {self.item}: {row['worst']}")))
        return found
