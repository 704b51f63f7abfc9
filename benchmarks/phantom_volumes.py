"""Phantoms as volumes with as many voxels as 256 x 256 x 256, on two threads: seconds to make one.

    python benchmarks/phantom_volumes.py [--size 256] [--repeats 5]

Every repeat is another individual, made from its number to CT (or MR), labels and landmarks.
"""

import time

import numba
import numpy as np

from _page import Target, arguments, require_quiet, table, write_section
from napari_xray_landmarks.phantoms import VOLUMES, phantom

THREADS = 2
AIM_S = 2.0
COARSE_MM = 6.0


def main() -> None:
    parser = arguments(__doc__.partition("\n")[0])
    parser.add_argument("--size", type=int, default=256, help="voxels along each axis of a cube of as many")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    require_quiet()
    numba.set_num_threads(THREADS)
    rows, targets = [], []
    for name in VOLUMES:
        spacing, shape = sized(name, options.size)
        clock, processor = times(name, spacing, options.repeats)
        rows.append([name, " × ".join(map(str, shape)), f"{spacing:.2f} mm", f"{np.median(clock):.2f} s",
                     f"{max(clock):.2f} s", f"{np.median(processor):.2f} s"])
        targets.append(Target(f"{name} phantom of {options.size}³ voxels, {THREADS} threads", f"<= {AIM_S:g} s",
                              f"{np.median(clock):.2f} s", float(np.median(clock)) <= AIM_S, max(clock) <= AIM_S))
    head = ["phantom", "voxels", "spacing", "median", "most", "processor"]
    write_section("phantom-volumes", "Phantoms as volumes", [table(head, rows)], targets, dry=options.dry,
                  how=f"{THREADS} threads, {options.repeats} individuals each")
    require_quiet()


def sized(name: str, size: int) -> tuple[float, tuple[int, ...]]:
    """The spacing at which a phantom has as many voxels as a cube of that size, and its shape then; compiles too."""
    coarse = phantom(name, 0, spacing_mm=COARSE_MM).volume.voxels.shape
    spacing = COARSE_MM * (np.prod(coarse) ** (1 / 3)) / size
    return float(spacing), phantom(name, 0, spacing_mm=spacing).volume.voxels.shape


def times(name: str, spacing_mm: float, repeats: int) -> tuple[list[float], list[float]]:
    """Seconds on the clock and of the processor for each of some individuals."""
    clock, processor = [], []
    for subject in range(1, repeats + 1):
        start, busy = time.perf_counter(), time.process_time()
        phantom(name, subject, spacing_mm=spacing_mm)
        clock.append(time.perf_counter() - start)
        processor.append(time.process_time() - busy)
    return clock, processor


if __name__ == "__main__":
    main()
