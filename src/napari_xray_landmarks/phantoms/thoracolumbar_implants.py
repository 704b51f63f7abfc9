"""Pedicle screws and two rods, as after a posterior fusion."""

import numpy as np

from .implants import TITANIUM_HU, Implant
from .scoliosis import Scoliosis
from .solids import Solid, capsule, ellipsoid


def screws_and_rods(vertebrae, curves: Scoliosis, rng: np.random.Generator) -> tuple[Implant, ...]:
    """Screws through most pedicles of the largest curve, joined by a rod on either side.

    The rods follow the spine as it stands: the metal shows on the film, the correction does not.
    """
    largest = int(np.argmax(curves.cobb_deg))
    first, last = curves.nodes[largest], curves.nodes[largest + 1]
    hu = float(rng.uniform(TITANIUM_HU, 16000.0))
    pieces = []
    for side in (1, -1):
        heads = []
        for vertebra in vertebrae[first:last + 1]:
            ends = vertebra.name in (vertebrae[first].name, vertebrae[last].name)
            if ends or rng.random() < 0.8:
                rows, head = _screw(vertebra, side, rng)
                heads.append(head)
                pieces.append(Implant("screw", Solid(np.array(rows)), hu))
        rows = [capsule(a, b, 2.8, 2.8, 0.5) for a, b in zip(heads, heads[1:], strict=False)]
        pieces.append(Implant("rod", Solid(np.array(rows)), hu))
    return tuple(pieces)


def _screw(vertebra, side: int, rng) -> tuple[list, np.ndarray]:
    """The primitives of one screw, and where the rod passes its head."""
    q = vertebra.size
    back, out = 0.8 * q.depth, q.pedicle_out * side
    turn = rng.uniform(0.5, 0.75)
    up = 0.3 * q.height
    tip, entry, head = vertebra.place([(0.1 * q.height, -0.35 * q.depth, turn * out), (up, back + 13, 1.03 * out),
                                       (up, back + 20, 1.05 * out)])
    thread = min(0.8 * q.pedicle_width, 3.0)
    return [capsule(tip, entry, 0.7 * thread, thread, 0.5), ellipsoid(head, np.array([5.5, 6.5, 5.5]), 0.5),
            capsule(entry, head, thread, 4.0, 0.5)], head
