"""Kill -9, full disks, read-only and vanished shares: nothing is corrupt, nothing acknowledged is lost, runs go on.

    python benchmarks/faults.py [--kills 30] [--seed 0] [--try]

Disks are small tmpfs of their own, for which one must be root on Linux; without that only the kills are done.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np

from _fault_disks import DISKS, Came, can_mount
from _fault_kills import Kills, killed_detecting, killed_learning, killed_marking, killed_training, killed_writing
from _page import arguments, table
from _reliability_page import write_section


def main() -> None:
    parser = arguments(__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--try", dest="trial", action="store_true", help="few kills: does it all run?")
    options = parser.parse_args()
    kills = 3 if options.trial else options.kills
    rng = np.random.default_rng(options.seed)
    killed = []
    for what in (killed_writing, killed_marking, killed_training, killed_learning, killed_detecting):
        with tempfile.TemporaryDirectory() as folder:
            killed.append(what(Path(folder), kills, rng))
            print(killed[-1], flush=True)
    disks = []
    for what in DISKS if can_mount() else ():
        with tempfile.TemporaryDirectory() as folder:
            disks.append(what(Path(folder)))
            print(disks[-1], flush=True)
    report(killed, disks, options.dry or options.trial)
    sys.exit(1 if any(k.corrupt or k.same is False for k in killed) or any(not d[-1] for d in disks) else 0)


def report(killed: list[Kills], disks: list[Came], dry: bool) -> None:
    """The section of docs/reliability.md."""
    ends = {True: "yes, byte by byte", False: "**no**", None: "has none"}
    rows = [[k.what, k.kills, k.checked, k.corrupt, k.strays, ends[k.same]] for k in killed]
    head = ["killed while", "kills", "files or marks looked at", "corrupt or lost", "temporary files left", "same end"]
    blocks = [table(head, rows)]
    if disks:
        blocks.append(table(["trouble", "what came of it", "as it should"],
                            [[what, came, "yes" if fine else "**no**"] for what, came, fine in disks]))
    write_section("faults", "Kills and disks", blocks, dry=dry)


if __name__ == "__main__":
    main()
