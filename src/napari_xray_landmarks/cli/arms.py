"""Where simulated films are taken from: views, sizes and distances as texts from the command line."""

from collections.abc import Sequence
from math import isfinite
from typing import TYPE_CHECKING

from ..errors import InputError
from .options import parse_spacing

if TYPE_CHECKING:
    from ..geometry.camera import CArm

MOST_PIXELS = 8192
_DISTANCES = "--sod", "--sdd"


def parse_numbers(option: str, text: str, count: int, example: str) -> tuple[float, ...]:
    """So many finite numbers, separated by commas or x."""
    try:
        values = tuple(float(part) for part in text.lower().replace("x", ",").split(","))
    except ValueError:
        values = ()
    if len(values) != count or not all(isfinite(v) for v in values):
        raise InputError(f"{option} {text}", f"is not {count} numbers", f"For example {option} {example}")
    return values


def parse_view(text: str) -> tuple[float, float]:
    """(LAO, CRAN) in degrees from "30,-10" or a view's name."""
    from ..geometry.views import VIEWS

    name = text.strip().lower().replace(" ", "-").replace("_", "-")
    if name in VIEWS:
        return VIEWS[name]
    try:
        lao, cran = parse_numbers("--view", text, 2, "30,-10")
    except InputError:
        raise InputError(f"--view {text}", "is no view", "Give LAO,CRAN in degrees, RAO and CAUD negative, or one of "
                         f"{', '.join(VIEWS)}") from None
    if not (-180 <= lao <= 180 and -90 <= cran <= 90):
        raise InputError(f"--view {text}", "is beyond 180 degrees of LAO or 90 of CRAN", "Give smaller angles")
    return lao, cran


def parse_size(text: str) -> tuple[int, int]:
    """(rows, columns) from "479x615"."""
    size = rows, columns = parse_numbers("--size", text, 2, "479x615")
    if not all(n.is_integer() and 1 <= n <= MOST_PIXELS for n in size):
        raise InputError(f"--size {text}", f"must be rows x columns, whole and from 1 to {MOST_PIXELS}",
                         "For example --size 479x615")
    return int(rows), int(columns)


def check_distances(sod_mm: float, sdd_mm: float) -> None:
    """Refuse an isocentre that is not between source and detector."""
    for option, value in zip(_DISTANCES, (sod_mm, sdd_mm), strict=True):
        if not (isfinite(value) and value > 0):
            raise InputError(f"{option} {value:g}", "is not a positive distance in mm", f"For example {option} 1000")
    if sod_mm >= sdd_mm:
        raise InputError(f"--sod {sod_mm:g}", f"puts the isocentre behind the detector, which is at {sdd_mm:g} mm",
                         "Give a smaller --sod or a larger --sdd")


def parse_arm(sod: float, sdd: float, size: str, pixel: str, roll: float, isocentre: str | None) -> "CArm":
    """The C-arm that options describe, at 0/0; without an isocentre it is at the origin."""
    from ..geometry.camera import CArm
    from ..io.frames import world_from_lps

    check_distances(sod, sdd)
    try:
        spacing = parse_spacing(pixel)
    except InputError as error:
        raise InputError(f"--pixel-mm {pixel}", error.problem, "For example --pixel-mm 0.616") from error
    centre = (0.0, 0.0, 0.0)
    if isocentre is not None:
        centre = tuple(world_from_lps([parse_numbers("--isocentre", isocentre, 3, "0,-20,350")])[0].tolist())
    if not -360 <= roll <= 360:
        raise InputError(f"--roll {roll:g}", "is not within 360 degrees", "Give a smaller angle")
    return CArm(0.0, 0.0, roll, sod, sdd, spacing, parse_size(size), centre)


def parse_structures(texts: Sequence[str] | None) -> dict[int, str] | None:
    """Label values and names from "77=hip-left" or "77"."""
    if texts is None:
        return None
    found = {}
    for text in texts:
        value, _, name = text.partition("=")
        if not value.strip().isdecimal() or int(value) == 0:
            raise InputError(f"--label {text}", "is no VALUE and no VALUE=NAME", "For example --label 77=hip-left")
        found[int(value)] = name.strip() or f"label-{int(value)}"
    return found or None
