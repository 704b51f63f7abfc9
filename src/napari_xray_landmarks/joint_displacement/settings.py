"""Settings of the joint displacement method: the one source for the form, the command line and the defaults."""

from dataclasses import dataclass, field, fields

METHODS = ("joint", "forest", "nearest")


def _option(default, help: str, *, low=None, high=None, log=False, unit="", group="method", choices=None):
    metadata = {"help": help, "low": low, "high": high, "log": log, "unit": unit, "group": group, "choices": choices}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class JointDisplacementSettings:
    """Options of the joint displacement method (Chen et al.), with the best settings found as defaults.

    Each field's metadata holds help, unit, low, high, log (slider scale), choices and group ("method": how a film is
    searched, "solver": what tuning changes without new features). See `AS_PUBLISHED` for the paper's own values.
    """

    method: str = _option("joint", "How patches vote: jointly, by a random forest, or by nearest neighbours",
                          choices=METHODS)
    alpha: float = _option(0.1, "Weight of smooth mapping: like patches point to like places",
                           low=1e-4, high=1e2, log=True, group="solver")
    beta: float = _option(0.1, "Weight of patch offsets: two patches agree on where a landmark is",
                          low=1e-4, high=1e2, log=True, group="solver")
    gamma: float = _option(0.1, "Weight of landmark offsets: every patch sees the landmarks in the same formation",
                           low=1e-4, high=1e2, log=True, group="solver")
    delta: float = _option(0.0, "Weight of the formation seen in training (0 as published)",
                           low=1e-4, high=1e2, log=True, group="solver")
    neighbours: int = _option(20, "Nearest neighbours that a patch is compared with (k)",
                              low=2, high=50, group="solver")
    robustness: float = _option(0.0, "How strongly votes that disagree lose weight (0 as published: not at all)",
                                low=1e-2, high=1e1, log=True, group="solver")
    bandwidth: float = _option(3.0, "Width of the kernel that turns votes into a response image",
                               low=0.5, high=20.0, log=True, unit="model px", group="solver")
    patch_range: float = _option(1.0, "Only patches within this part of the search range vote",
                                 low=0.1, high=1.0, log=True, group="solver")
    patches: int = _option(2000, "Patches sampled in a film for each subshape", low=100, high=10000)

    def __post_init__(self):
        for f in fields(self):
            value, meta = getattr(self, f.name), f.metadata
            if meta["choices"] and value not in meta["choices"]:
                raise ValueError(f"{f.name} must be one of {', '.join(meta['choices'])}, got {value!r}")
            if meta["high"] is not None and not 0 <= value <= meta["high"]:
                raise ValueError(f"{f.name} must lie between 0 and {meta['high']}, got {value!r}")


AS_PUBLISHED = JointDisplacementSettings()
BEST = JointDisplacementSettings()
PRESETS = {"best": BEST, "as published": AS_PUBLISHED}
