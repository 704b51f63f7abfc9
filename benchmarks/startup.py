"""napari's start with the plugin and without, and how long each dock takes to open; needs a display or xvfb-run.

    python benchmarks/startup.py [--repeats 15]

Every start is a fresh process; starts with and without the plugin take turns, so that whatever else the machine does
meets both.
"""

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

import numpy as np
from npe2 import PluginManifest

from _page import ROOT, Target, arguments, require_quiet, table, write_section
from _window import LAPTOP, PLUGIN

LEAST_MS, OPENING_S, TALLEST = 50.0, 1.0, 700
CHILD = Path(__file__).with_name("_window.py")


def main() -> None:
    parser = arguments(__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=15, help="starts with the plugin, and as many without it")
    parser.add_argument("--openings", type=int, default=5, help="fresh processes for each dock")
    options = parser.parse_args()
    require_quiet()
    with_plugin, without = _starts(options.repeats)
    gap, low, high = _difference([s["seconds"] for s in with_plugin], [s["seconds"] for s in without])
    work, _, _ = _difference([s["processor"] for s in with_plugin], [s["processor"] for s in without])
    names = [widget.display_name for widget in PluginManifest.from_distribution(PLUGIN).contributions.widgets]
    opened = {name: [_child("docks", name)[name] for _ in range(options.openings)] for name in names}
    slowest = max(names, key=lambda name: _median(opened[name], "first"))
    tallest = max(one["wanted"] for runs in opened.values() for one in runs)
    window = max(one["window"] for runs in opened.values() for one in runs)
    targets = [
        Target("napari's start with the plugin installed", "not measurably slower",
               f"{1000 * gap:+.0f} ms (95 % interval {1000 * low:+.0f} to {1000 * high:+.0f}) of "
               f"{_median(without, 'seconds'):.2f} s", low <= 0 or 1000 * gap < LEAST_MS),
        Target("opening of every dock, first time in a process", "< 1 s",
               f"{_median(opened[slowest], 'first'):.2f} s ({slowest})", _median(opened[slowest], "first") < OPENING_S),
        Target("height of every dock", f"≤ {TALLEST} px, window ≤ 800 px", f"{tallest} px, window {window} px",
               tallest <= TALLEST and window <= LAPTOP[1]),
    ]
    modules = max(one["modules"] for one in with_plugin)
    text = (f"{options.repeats} starts each way, in turns, until the empty window is drawn; without: the same "
            "environment, in which napari finds no package of ours. The processor's time differs by "
            f"{1000 * work:+.0f} ms; {modules} of our modules are loaded at the start. The interval is of the medians' "
            "difference (bootstrap). Docks: the first opening in a process, which loads what the dock needs, and the "
            f"second, medians of {options.openings}; in a window of {LAPTOP[0]} × {LAPTOP[1]} px. Beyond {TALLEST} px "
            "docks scroll. That Tab comes to every control of every dock, each with a name, is a test "
            "(`tests/viewer/test_docks_window.py`).")
    write_section("startup", "Start and opening of the docks", [text, _table_of_starts(with_plugin, without),
                                                                _table_of_docks(opened)], targets, dry=options.dry)
    require_quiet()


def _starts(repeats: int) -> tuple[list[dict], list[dict]]:
    """What starts with and without the plugin take; the first of each, which reads the disk, does not count."""
    found: tuple[list[dict], list[dict]] = [], []
    for turn in range(repeats + 1):
        for without in (False, True):
            one = _child("start", *(["--without"] if without else []))
            if one["known"] == without:
                raise RuntimeError(f"napari {'knows' if one['known'] else 'does not know'} the plugin")
            found[without].extend([one] if turn else [])
    return found


def _child(*words: str) -> dict:
    command = [sys.executable, str(CHILD), *words]
    if not os.environ.get("DISPLAY"):
        command = ["sh", str(ROOT / "scripts" / "with_display.sh"), *command]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def _difference(with_plugin: list[float], without: list[float]) -> tuple[float, float, float]:
    """The medians' difference, and the ends of its 95 % interval."""
    rng = np.random.default_rng(0)
    drawn = [np.median(rng.choice(values, (4000, len(values))), axis=1) for values in (with_plugin, without)]
    low, high = np.quantile(drawn[0] - drawn[1], [0.025, 0.975])
    return statistics.median(with_plugin) - statistics.median(without), float(low), float(high)


def _table_of_starts(with_plugin: list[dict], without: list[dict]) -> str:
    rows = []
    for what, runs in (("with the plugin", with_plugin), ("without", without)):
        cells = [what]
        for key in ("seconds", "processor"):
            values = [one[key] for one in runs]
            low, high = np.quantile(values, [0.25, 0.75])
            cells += [f"{statistics.median(values):.2f} s", f"{low:.2f} to {high:.2f} s"]
        rows.append(cells)
    return table(["napari's start", "median", "quartiles", "processor, median", "quartiles"], rows)


def _table_of_docks(opened: dict[str, list[dict]]) -> str:
    rows = [[name, f"{_median(runs, 'first'):.2f} s", f"{max(one['first'] for one in runs):.2f} s",
             f"{_median(runs, 'second'):.2f} s", f"{runs[0]['wanted']} px"] for name, runs in opened.items()]
    return table(["dock", "first opening", "longest", "second opening", "height"], rows)


def _median(runs: list[dict], key: str) -> float:
    return statistics.median(one[key] for one in runs)


if __name__ == "__main__":
    main()
