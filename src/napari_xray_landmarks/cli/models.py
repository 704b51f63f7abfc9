"""`models`: which models there are, and what one of them is."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from .options import Device, DeviceOption, QuietOption, SeedOption
from .reporting import aligned, say

if TYPE_CHECKING:
    from ..models import ModelHeader


def models(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Say all about this model (or file).")] = None,
    quiet: QuietOption = False,
    device: DeviceOption = Device.auto,
    seed: SeedOption = None,
) -> None:
    """List the bundled and local models, or describe one."""
    if name is None:
        say(_table(), quiet)
    else:
        say(_description(name), quiet)


def _table() -> str:
    from ..models import list_models
    from ..models.registry import models_folder

    headers = list_models()
    if not headers:
        return f"There are no models. Put .safetensors files into {models_folder()}"
    rows = [(h.name, h.method, h.anatomy, ", ".join(h.tasks), len(h.landmarks), h.accuracy or "-", h.licence or "-")
            for h in headers]
    return aligned(rows, ("model", "method", "anatomy", "can", "landmarks", "accuracy", "licence"))


def _description(name: str) -> str:
    from ..models import load_model
    from ..models.registry import read_card

    model = load_model(name)
    header = model.header
    rows = [
        ("model", header.name or model.path.stem),
        ("file", str(model.path)),
        ("method", header.method),
        ("anatomy", header.anatomy),
        ("can", ", ".join(header.tasks)),
        ("landmarks", f"{len(header.landmarks)}: {', '.join(header.landmarks)}"),
        *_flat("measured", header.metrics),
        *_calibrated(header),
        *_flat("training", header.training),
        *_flat("setting", header.settings),
        ("licence", header.licence or "not stated"),
        ("citation", header.citation or "not stated"),
        ("made with", header.package_version),
    ]
    card = read_card(name)
    return aligned(rows) + (f"\n\n{card.strip()}" if card else "")


def _calibrated(header: "ModelHeader") -> list[tuple[str, str]]:
    """What `evaluate --conformal --into` put in: how its confidences are tempered, and regions."""
    from ..evaluation.calibration import regions_in
    from ..models.confidence import KEY, temperature_of

    rows, heat, regions = [], temperature_of(header), regions_in(header)
    if heat != 1.0:
        limit, unit = (header.extra[KEY].get(key) for key in ("tolerance", "unit"))
        right = f"; right is within {limit:g} {unit}" if isinstance(limit, int | float) else ""
        rows.append(("calibrated", f"confidences are tempered by {heat:.2f}{right}"))
    if regions is not None:
        rows.append(("calibrated", f"regions of {len(regions.matrices)} landmarks hold the true place with "
                                   f"{100 * regions.coverage:g} %, on films like the {regions.films} that gave them"))
    return rows


def _flat(what: str, values: Mapping) -> list[tuple[str, str]]:
    return [(what, f"{key.replace('_', ' ')}: {value}") for key, value in values.items()]
