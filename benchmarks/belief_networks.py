"""The published pose machine and the light network, trained on the same films for as long, on people they never saw.

    python benchmarks/belief_networks.py [--minutes 10] [--films 1600] [--only NAME] [--try]

Needs the pelvis atlas and the femur model in ../shared/data or $XRAY_LANDMARKS_DATA. Each network learns for so many
minutes of one core's processor time, at the rate that was best for it in a tenth of that on the films that validate.
Films, epochs and what is found are kept in --cache: a run that was stopped goes on.
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch

from _films import CACHE, code
from _page import Target, arguments, require_quiet, table, write_section
from _runs import kept
from napari_xray_landmarks.evaluation.view_sphere import BELIEF, ViewSphere, joined
from napari_xray_landmarks.phantoms.schemas import SCHEMAS
from napari_xray_landmarks.training.patients import AtlasPatients
from napari_xray_landmarks.training.rendered import RenderedFilms
from napari_xray_landmarks.training.runs import TrainingRun
from napari_xray_landmarks.view_invariant.calibration import Calibration
from napari_xray_landmarks.view_invariant.detector import Detector, mirrored_order
from napari_xray_landmarks.view_invariant.films import StoredFilm
from napari_xray_landmarks.view_invariant.learning import learn
from napari_xray_landmarks.view_invariant.networks import parameter_count
from napari_xray_landmarks.view_invariant.settings import AS_PUBLISHED, ViewInvariantSettings
from napari_xray_landmarks.view_invariant.sources import GrowingFilms
from view_invariant import DATA, FEMURS, SETS, SPHERE, searched, subjects

EPOCHS, STEP_DEG, VALIDATED = 10, 30.0, 20
OWN = ViewInvariantSettings(threads=1, epochs=EPOCHS)
PUBLISHED = replace(AS_PUBLISHED, threads=1, epochs=EPOCHS, batch=4)
NETWORKS = {"light (the default)": OWN,
            "published, a quarter as wide": replace(PUBLISHED, channels=4),
            "published": PUBLISHED}
RATES = {"light (the default)": (2e-3,), "published, a quarter as wide": (1e-3, 3e-4), "published": (3e-4, 1e-4)}


class Paced:
    """As many films an epoch, drawn at random, as the network can learn from in its share of the time.

    Parameters
    ----------
    films
    seconds
        Of processor time, for an epoch.
    """

    def __init__(self, films: Sequence[StoredFilm], seconds: float):
        self._films, self._seconds = films, seconds
        self._began, self._count, self.seen = 0.0, 0, 0

    def __call__(self, epoch: int) -> list[StoredFilm]:
        now = time.process_time()
        each = (now - self._began) / self._count if self._count else None
        self._count = 16 if each is None else max(8, round(self._seconds / each))
        self._began, self.seen = now, self.seen + self._count
        chosen = np.random.default_rng([17, epoch]).choice(len(self._films), self._count,
                                                           replace=self._count > len(self._films))
        return [self._films[i] for i in chosen]


def main() -> None:
    parser = arguments(__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=10.0, help="processor time that each network learns")
    parser.add_argument("--films", type=int, default=1600, help="that train")
    parser.add_argument("--only", choices=list(NETWORKS), help="this network alone, and no section")
    parser.add_argument("--cache", type=Path, default=CACHE / "belief-networks")
    parser.add_argument("--try", dest="trial", action="store_true", help="a moment, two subjects")
    options = parser.parse_args()
    if options.trial:
        options.minutes, options.films, options.dry = 0.3, 64, True
    torch.set_num_threads(1)
    films = source(options)
    found = {name: measured(name, films, options) for name in ([options.only] if options.only else NETWORKS)}
    report(found, films, options)


def source(options) -> GrowingFilms:
    """Films of the atlas's people, rendered once."""
    patients = AtlasPatients(str(DATA / "pelvis-atlas"), str(FEMURS), sampled=20)
    rendered = RenderedFilms(patients, tuple(SCHEMAS["pelvis"].names), DATA / "pelvis-atlas")
    settings = replace(OWN, films=options.films, fresh=options.films)
    folder = options.cache / f"films-{code('geometry', 'drr', 'phantoms')}-{options.films}"
    folder.mkdir(parents=True, exist_ok=True)
    made = GrowingFilms(rendered, settings, TrainingRun(folder), lambda fraction, stage: print(stage, flush=True))
    made(0)
    return made


def trained(settings: ViewInvariantSettings, films: GrowingFilms, minutes: float, folder: Path
            ) -> tuple[Detector, int, float]:
    """A detector, the films it learnt from, and its mean error on people that validate."""
    folder.mkdir(parents=True, exist_ok=True)
    names = tuple(SCHEMAS["pelvis"].names)
    paced, said = Paced(films.films, 60 * minutes / settings.epochs), []

    def tell(fraction: float, stage: str) -> None:
        said.append(stage)
        print(f"{folder.name}: {stage}; {paced.seen} films", flush=True)

    chosen = films.validation[::max(1, len(films.validation) // VALIDATED)]
    network = learn(paced, chosen, mirrored_order(names), settings, 0, TrainingRun(folder), tell)
    detector = Detector(names, network, Calibration(), settings)
    return detector, paced.seen, float(said[-1].partition("validation ")[2].split()[0]) if said else np.nan


def measured(name: str, films: GrowingFilms, options) -> dict[str, np.ndarray]:
    """What a network finds in the films of unseen people, its size and its times; from an earlier run or now."""
    about = (options.minutes, options.films, options.trial, asdict(NETWORKS[name]), RATES[name],
             code("geometry", "drr", "phantoms"))

    def compute() -> dict[str, np.ndarray]:
        folder, settings = options.cache / "runs", NETWORKS[name]
        key = f"{name.split(' (')[0].replace(', ', '-').replace(' ', '-')}-{options.films}"
        tried = {}
        for rate in RATES[name] if len(RATES[name]) > 1 else ():
            own = replace(settings, learning_rate=rate, epochs=4)
            tried[rate] = trained(own, films, options.minutes / 10, folder / f"{key}-{rate:g}-tried")[2]
        rate = min(tried, key=tried.get) if tried else RATES[name][0]
        settings = replace(settings, learning_rate=rate)
        detector, seen, _ = trained(settings, films, options.minutes, folder / f"{key}-{rate:g}-{options.minutes:g}")
        pieces = [searched(detector, SETS[0], number, STEP_DEG) for number in range(subjects(SETS[0], options.trial))]
        return {key: np.concatenate([p[key] for p in pieces]) for key in SPHERE} | {
            "names": pieces[0]["names"], "seen": np.array(seen), "rate": np.array(rate),
            "size": np.array(parameter_count(detector.network)), "seconds": np.array(seconds(detector, films))}

    return kept(options.cache, f"network-{list(NETWORKS).index(name)}", about, compute, "view_invariant")


def seconds(detector: Detector, films: GrowingFilms, count: int = 5) -> float:
    """Median time of a film, one thread."""
    from napari_xray_landmarks.imaging import Radiograph

    times = []
    for film in films.validation[:count + 1]:
        start = time.perf_counter()
        detector.detect(Radiograph(film.grey, (film.pixel_mm,) * 2, "film"))
        times.append(time.perf_counter() - start)
    return float(np.median(times[1:]))


def report(found: dict[str, dict], films: GrowingFilms, options) -> None:
    """The section of the page."""
    rows, spheres = [], {}
    for name, own in found.items():
        spheres[name] = sphere = joined([ViewSphere(tuple(map(str, own["names"])), *(own[key] for key in SPHERE),
                                                    (name,) * len(own["lao"]))])
        summary, error = sphere.summary(), sphere.errors_mm[sphere.visible]
        rows.append([name, f"{own['size'] / 1e6:.2f} million", int(own["seen"]), f"{own['rate']:g}",
                     f"{np.mean(error):.1f} / {np.median(error):.1f} mm", f"{100 * summary.recall:.1f} %",
                     f"{summary.mean_mm:.2f} ± {summary.sd_mm:.2f} mm" if summary.count else "–",
                     f"{own['seconds']:.2f} s"])
    head = ["network", "weights", "pictures it learnt from", "rate", "all landmarks, mean / median",
            f"detected (belief ≥ {BELIEF:g})", "detected ones, mean ± sd", "s a film, one thread"]
    views = len(next(iter(spheres.values())).lao)
    text = (f"Each learnt for {options.minutes:g} minutes of one core's processor time from {len(films.films)} films "
            f"of the atlas, and searched {views} films of people that none has seen, every {STEP_DEG:g}°. Errors are "
            "at the detector. The published network learns and searches as the paper has it (six stages, squared "
            "error, mean of all stages), but for four films a step and the rate, the better of two in a tenth of the "
            "time; the paper's own training goes through 20 000 films thirty times, on a GPU. So this says what is "
            "worth training on a workstation without one, not what the published network reaches in the end.")
    light, published = (found.get(name) for name in (list(NETWORKS)[0], list(NETWORKS)[-1]))
    targets = []
    if light is not None and published is not None:
        ours, theirs = (spheres[name] for name in (list(NETWORKS)[0], list(NETWORKS)[-1]))
        mean = [float(np.mean(s.errors_mm[s.visible])) for s in (ours, theirs)]
        targets.append(Target("The light network beside the published, trained as long", "nearer and faster",
                              f"{mean[0]:.1f} against {mean[1]:.1f} mm, {light['seconds']:.2f} against "
                              f"{published['seconds']:.2f} s",
                              bool(mean[0] < mean[1] and light["seconds"] < published["seconds"])))
    write_section("belief-networks", "The networks from any view", [text, table(head, rows)], targets,
                  dry=options.dry or bool(options.only), how="one thread")


if __name__ == "__main__":
    require_quiet()
    main()
