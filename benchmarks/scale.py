"""Many films on a Dask cluster of this machine's cores: throughput against workers, overhead of a task, memory.

    python benchmarks/scale.py [--films 60] [--many 1000] [--try]

Each worker is a process of one thread, as `dask worker --nworkers 2 --nthreads 1` starts them. The films are copies of
one phantom film under names of their own, so that all cost the same.
"""

import os
import shutil
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from _films import CACHE, phantom_films
from _large import write_dicom
from _page import Target, arguments, require_quiet, table, write_section
from napari_xray_landmarks.cli import main as command_line

PHANTOM = "pelvis"
USUAL = ("--model", "pelvis-ap", "--set", "method=nearest")
FAST = ("--model", "pelvis-any-view")  # memory and overhead do not depend on how long a film takes
COUNTS, ROUNDS = (1, 2), 2
FLAT_MIB, OVERHEAD_S, GAIN = 50.0, 0.2, 1.6
MIB = 2**20


@dataclass(frozen=True)
class Run:
    """One call of `detect`: seconds, and the largest resident memory of a worker at each look, in MiB."""

    films: int
    seconds: float
    worker_mib: tuple[float, ...]
    client_mib: tuple[float, ...]


def main() -> None:
    parser = arguments(__doc__.partition("\n")[0])
    parser.add_argument("--films", type=int, default=60)
    parser.add_argument("--many", type=int, default=1000)
    parser.add_argument("--try", dest="trial", action="store_true", help="a few films: does it all run?")
    parser.add_argument("--cache", type=Path, default=CACHE)
    options = parser.parse_args()
    rounds, usual = ROUNDS, USUAL
    if options.trial:
        options.films, options.many, options.dry, rounds, usual = 2, 4, True, 1, FAST
    os.environ |= {name: "1" for name in ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    require_quiet()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        films = copies(folder, options.cache, max(options.films, options.many))
        some = films[:options.films]
        rates = {count: [searched(folder, some, count, usual) for _ in range(rounds)] for count in COUNTS}
        plain = searched(folder, some, 0, usual)
        many = searched(folder, films[:options.many], max(COUNTS), FAST)
        quick = {count: searched(folder, some, count, FAST) for count in (0, 1)}
    report(rates, plain, many, quick, options.dry)
    require_quiet()


def copies(folder: Path, cache: Path, count: int) -> list[Path]:
    """So many files of the same film, which share their place on the disk where the system can."""
    first = folder / "film-0000.dcm"
    write_dicom(first, phantom_films(PHANTOM, [0], cache)[0])
    films = [first] + [folder / f"film-{i:04d}.dcm" for i in range(1, count)]
    for film in films[1:]:
        try:
            os.link(first, film)
        except OSError:
            shutil.copy(first, film)
    return films


def searched(folder: Path, films: list[Path], workers: int, how: tuple[str, ...]) -> Run:
    """`detect` of these films by so many Dask workers, warm ones; 0 for this process without a cluster."""
    from distributed import LocalCluster

    def detect(some: list[Path], *more: str) -> float:
        output = folder / "results"
        shutil.rmtree(output, ignore_errors=True)
        begin = time.perf_counter()
        _run("detect", *map(str, some), *how, "-o", str(output), "--device", "cpu", "--quiet", *more)
        return time.perf_counter() - begin

    if not workers:
        detect(films[:1])
        return Run(len(films), detect(films), (), ())
    with LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=":0") as cluster:
        address = "--scheduler", cluster.scheduler_address
        detect(films[:2 * workers], *address)
        with Memory([worker.pid for worker in cluster.workers.values()]) as memory:
            seconds = detect(films, *address)
    return Run(len(films), seconds, memory.workers, memory.client)


def _run(*arguments: str) -> None:
    try:
        command_line(list(arguments))
    except SystemExit as left:
        if left.code:
            sys.exit(f"{' '.join(arguments[:1])} ended with {left.code}")


class Memory:
    """Resident memory of the workers (the largest) and of this process, in MiB, looked at while a run goes on."""

    def __init__(self, pids: list[int], every_s: float = 0.5):
        import threading

        self._processes, self._every_s = [psutil.Process(pid) for pid in pids], every_s
        self._workers, self._client, self._stop = [], [], threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def _look(self) -> None:
        while not self._stop.wait(self._every_s):
            self._workers.append(max(p.memory_info().rss for p in self._processes) / MIB)
            self._client.append(psutil.Process().memory_info().rss / MIB)

    def __enter__(self) -> "Memory":
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._stop.set()
        self._thread.join()
        self.workers, self.client = tuple(self._workers), tuple(self._client)


def growth(values: tuple[float, ...]) -> float:
    """Median of the last fifth less that of the second fifth; the first holds what is loaded once."""
    fifth = max(1, len(values) // 5)
    return statistics.median(values[-fifth:]) - statistics.median(values[fifth:2 * fifth] or values[:1])


def report(rates: dict[int, list[Run]], plain: Run, many: Run, quick: dict[int, Run], dry: bool) -> None:
    """Write the section."""
    seconds = {count: statistics.median(run.seconds for run in runs) for count, runs in rates.items()}
    rate = {count: rates[count][0].films / s for count, s in seconds.items()}
    gain = rate[COUNTS[-1]] / rate[COUNTS[0]]
    overhead = (quick[1].seconds - quick[0].seconds) / quick[1].films
    alone = seconds[1] / rates[1][0].films
    worker, client = (growth(values) if values else 0.0 for values in (many.worker_mib, many.client_mib))
    rows = [["this process, no cluster", f"{plain.films / plain.seconds:.2f} films/s", ""]]
    rows += [[f"{count} worker{'s' if count > 1 else ''}", f"{rate[count]:.2f} films/s", f"{rate[count] / rate[1]:.2f}"]
             for count in COUNTS]
    paper = alone / overhead if overhead > 0 else float("inf")
    text = (f"`detect --scheduler` with `{USUAL[1]}` ({USUAL[3]}) on copies of one phantom film, {plain.films} a run, "
            f"one thread a worker, median of {len(rates[1])} runs. Overhead of a task (sending, files of its own, the "
            f"manifest): {1000 * overhead:.0f} ms a film, measured with `{FAST[1]}`, which takes "
            f"{quick[0].seconds / quick[0].films:.2f} s a film. On paper: were all of that the client's own "
            f"work, one film after the other, at {alone:.1f} s a film it would keep some {paper:.0f} workers busy.")
    memory = "Too short to see memory."
    if many.worker_mib:
        memory = (f"Memory over {many.films} films (`{FAST[1]}`) with {max(COUNTS)} workers: the largest worker "
                  f"{many.worker_mib[-1]:.0f} MiB at the end, {worker:+.0f} MiB since the second fifth of the run; the "
                  f"client {many.client_mib[-1]:.0f} MiB, {client:+.0f} MiB.")
    targets = [
        Target("`detect --scheduler`, 2 workers against 1", f"≥ {GAIN} × the films a second", f"{gain:.2f} ×",
               gain >= GAIN),
        Target("Overhead of a film on a cluster", f"≤ {OVERHEAD_S} s", f"{overhead:.3f} s", overhead <= OVERHEAD_S),
        Target(f"Memory over {many.films} films", f"flat: ≤ {FLAT_MIB:.0f} MiB more",
               f"worker {worker:+.0f}, client {client:+.0f} MiB", max(worker, client) <= FLAT_MIB),
    ]
    blocks = [text, table(["films are searched by", "throughput", "gain"], rows), memory]
    write_section("scale", "Many films on a cluster", blocks, targets, dry=dry, how="one thread a worker")


if __name__ == "__main__":
    main()
