"""Spoilt files to every reader: each is read, or refused in one line; none crashes, hangs, or leaves its folder.

    python benchmarks/fuzzing.py [--count 10000] [--reader NAME] [--seed 0] [--workers 1] [--keep DIR] [--only INDEX]
                                 [--cache DIR]

The files are valid ones, of our own writers, of pydicom's tests and real ones from `../shared/data`, spoilt as
`_mutations.py` tells, the same for the same seed. They are read in processes of their own that are given 2 GiB of
memory beyond what libraries take, and 10 s for a file. `--only` reads one input here, where a debugger can look at it.
With `--cache` what came of each reader is kept: a run that was stopped goes on behind the last one.
"""

import collections
import multiprocessing
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

if __name__ == "__main__":  # before any of these libraries is imported
    os.environ |= {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS",
                                          "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS")}

import _fuzz_images
import _fuzz_sets
import _fuzz_texts
from _films import code
from _fuzz_worker import inputs, work
from _page import arguments, table
from _reliability_page import write_section
from _volumes import kept

READERS = _fuzz_images.READERS | _fuzz_texts.READERS | _fuzz_sets.READERS
PATIENCE_S = 10.0
STARTING_S = 120.0  # imports on a busy machine
FINE = ("read", "refused")
ROOMS = ("", "io", "io/dicom", "models", "training", "evaluation", "spine", "shape", "geometry")
MIB = 2**20


@dataclass
class Tally:
    """What came of a reader's inputs.

    Attributes
    ----------
    counts
        By outcome.
    failures
        (index, outcome, more) of those that are not fine.
    seconds, slowest, slowest_index
        Of all inputs, of the slowest, and which that is.
    peak_mib
        Memory on top of what the libraries take.
    said
        What libraries below Python printed themselves, by its first words.
    """

    counts: collections.Counter = field(default_factory=collections.Counter)
    failures: list[tuple[int, str, str]] = field(default_factory=list)
    seconds: float = 0.0
    slowest: float = 0.0
    slowest_index: int = -1
    peak_mib: float = 0.0
    said: collections.Counter = field(default_factory=collections.Counter)

    def add(self, index: int, outcome: str, more: str, seconds: float, said: str = "") -> None:
        self.counts[outcome] += 1
        self.seconds += seconds
        if seconds > self.slowest:
            self.slowest, self.slowest_index = seconds, index
        if said:
            self.said[said.partition("\n")[0][:80]] += 1
        if outcome not in FINE:
            self.failures.append((index, outcome, more))


def main() -> None:
    parser = arguments(__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--reader", action="append", choices=sorted(READERS), help="only this one; may be repeated")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="where to put the inputs that fail")
    parser.add_argument("--only", type=int, metavar="INDEX", help="read this one input here")
    parser.add_argument("--cache", type=Path, help="where what came of each reader is kept")
    options = parser.parse_args()
    names = options.reader or list(READERS)
    if options.only is not None:
        return one(names[0], options.seed, options.only, options.keep)
    found = {}
    for name in names:
        found[name] = of_reader(name, options)
        shown(name, found[name], options.keep, options.seed)
    if not options.reader:
        report(found, options.count, options.dry)
    sys.exit(1 if any(tally.failures for tally in found.values()) else 0)


def one(name: str, seed: int, index: int, keep: Path | None) -> None:
    """Read one input in this process, and let what it raises come out."""
    chosen, files = inputs(name, READERS[name], seed, index)
    folder = Path(tempfile.mkdtemp() if keep is None else keep)
    for own, data in files.items():
        (folder / own).parent.mkdir(parents=True, exist_ok=True)
        (folder / own).write_bytes(data)
    print(f"{folder / chosen.opened}")
    READERS[name].read(folder / chosen.opened)


def of_reader(name: str, options) -> Tally:
    """What came of a reader's inputs, in an earlier run of this code where there is a cache, or now."""
    def compute() -> dict:
        return vars(fuzz(name, options.count, options.seed, options.workers))

    if options.cache is None:
        return Tally(**compute())
    spoiling = [path.read_bytes() for path in sorted(Path(__file__).parent.glob("*[fm]u[zt]*.py"))]
    said = kept(options.cache, name.replace("/", "-"), (options.count, options.seed, code(*ROOMS), spoiling), compute)
    return Tally(**said | {key: collections.Counter(said[key]) for key in ("counts", "said")})


def fuzz(name: str, count: int, seed: int, workers: int = 1) -> Tally:
    """Read so many inputs, in processes that are replaced where one dies or hangs."""
    tally = Tally()
    shares = [range(first, count, workers) for first in range(min(workers, count))]
    with ThreadPoolExecutor(len(shares)) as pool:
        for part in pool.map(lambda indices: _share(name, seed, indices), shares):
            tally.counts += part.counts
            tally.said += part.said
            tally.failures += part.failures
            tally.seconds += part.seconds
            tally.slowest, tally.slowest_index = max((t.slowest, t.slowest_index) for t in (tally, part))
            tally.peak_mib = max(tally.peak_mib, part.peak_mib)
    return tally


def _share(name: str, seed: int, indices: range) -> Tally:
    tally = Tally()
    while len(indices):
        with tempfile.TemporaryDirectory() as root:
            indices = _until_it_ends(name, seed, indices, root, tally)
    return tally


def _until_it_ends(name: str, seed: int, indices: range, root: str, tally: Tally) -> range:
    """Read until all are read, or the process ends or hangs; what is left to read."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=work, args=(name, READERS[name], seed, indices, root, theirs), daemon=True)
    process.start()
    theirs.close()
    at, done, patience = -1, 0, STARTING_S
    try:
        while ours.poll(patience):
            index, outcome, more, seconds, said = ours.recv()
            if outcome == "done":
                tally.peak_mib = max(tally.peak_mib, seconds / MIB)
                return indices[len(indices):]
            if outcome is None:
                at, patience = index, PATIENCE_S
            else:
                tally.add(index, outcome, more, seconds, said)
                at, done = -1, done + 1
        ended = ("hung", f"more than {patience:g} s")
    except EOFError:
        process.join(5)
        ended = ("crashed", f"exit code {process.exitcode}")
    process.kill()
    process.join()
    if at < 0:
        said = Path(root, "said").read_text(errors="replace")[-1500:] if Path(root, "said").exists() else ""
        raise RuntimeError(f"{name}: the process ended before an input was read ({ended[1]})\n{said}")
    tally.add(at, *ended, PATIENCE_S if ended[0] == "hung" else 0.0)
    return indices[done + 1:]


def shown(name: str, tally: Tally, keep: Path | None, seed: int) -> None:
    """Print what came of a reader's inputs, and keep those that failed."""
    counts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(tally.counts.items()))
    print(f"{name}: {counts}; {1000 * tally.seconds / sum(tally.counts.values()):.1f} ms each, slowest "
          f"{tally.slowest:.2f} s ({tally.slowest_index}), {tally.peak_mib:.0f} MiB", flush=True)
    kinds: dict[str, list] = {}
    for index, outcome, more in tally.failures:
        kinds.setdefault(f"{outcome}: {more.partition('(')[0][:300]}", []).append(index)
    for kind, found in sorted(kinds.items(), key=lambda item: -len(item[1]))[:12]:
        print(f"    {len(found)} x {kind}   --reader {name!r} --only {found[0]}", flush=True)
    if tally.said:
        print(f"    libraries printed: {dict(tally.said.most_common(4))}", flush=True)
    for index, _, _ in tally.failures if keep is not None else ():
        for own, data in inputs(name, READERS[name], seed, index)[1].items():
            path = keep / name / str(index) / own
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)


def report(found: dict[str, Tally], count: int, dry: bool) -> None:
    """The section of docs/reliability.md."""
    wrong = sorted({outcome for tally in found.values() for outcome in tally.counts} - set(FINE))
    rows = [[name, sum(tally.counts.values()), *(tally.counts[outcome] for outcome in FINE), len(tally.failures),
             f"{1000 * tally.seconds / sum(tally.counts.values()):.1f} ms", f"{tally.slowest:.2f} s",
             f"{tally.peak_mib:.0f} MiB"] for name, tally in found.items()]
    total, failed = sum(row[1] for row in rows), sum(row[4] for row in rows)
    head = ["reader", "inputs", "read", "refused in one line", "anything else", "mean", "slowest", "peak memory"]
    verdict = (f"{total} inputs of {len(rows)} readers: {failed} ended otherwise than read or refused in one line"
               + (f" ({', '.join(wrong)})." if wrong else "."))
    write_section("fuzzing", "Spoilt files", [verdict, table(head, rows)], dry=dry)


if __name__ == "__main__":
    begin = time.perf_counter()
    try:
        main()
    finally:
        print(f"{time.perf_counter() - begin:.0f} s", flush=True)
