"""What the bundled models' confidences and conformal regions are worth, on films that trained none of them.

    OMP_NUM_THREADS=1 NUMBA_NUM_THREADS=1 python benchmarks/reliability.py [--model NAME] [--share 1] [--try]

Phantom models are judged on other subjects, `hip-fluoroscopy` on whole and spoilt films of other subjects, `spine-ap`
on the real films of the fold that it has not seen and `pelvis-mr` on the three real MRIs that were left out (both need
../shared/data or $XRAY_LANDMARKS_DATA). Every model is judged by what its own confidence speaks of: of landmarks and
outlines the probability of being right, of a volume's structures the Dice coefficient to expect. What was found is
kept, model by model.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from _films import CACHE
from _page import ROOT, arguments, table, write_section
from _runs import kept, model_key
from _spine import aasce, fold
from napari_xray_landmarks.errors import InputError
from napari_xray_landmarks.evaluation.conformal import calibrate, temperature
from napari_xray_landmarks.evaluation.plots import BLUE, GREY, ORANGE, drawn
from napari_xray_landmarks.evaluation.statistics import reliability
from napari_xray_landmarks.io.files import replacing
from napari_xray_landmarks.models import Model, list_models, load_model
from napari_xray_landmarks.models.confidence import tempered
from napari_xray_landmarks.phantoms import film as phantom_film

PHANTOMS = {"pelvis-ap": "pelvis", "proximal-femur-ap": "proximal-femur", "complete-femur-ap": "complete-femur",
            "pelvis-outline-ap": "pelvis-outline"}
FIRST_SUBJECT = 2000
LEFT_OUT = ("21", "22", "23")  # MRIs that `pelvis-mr` has not seen
COVERAGE = 0.9
PICTURE = ROOT / "docs" / "images" / "reliability.png"


@dataclass(frozen=True, eq=False)
class Judged:
    """One image: (N,) confidences, NaN where the truth is unknown; whether each is right, or of structures the Dice
    coefficient; (N, 2) true less predicted places."""

    confidence: np.ndarray
    right: np.ndarray
    offsets: np.ndarray


def main() -> None:
    parser = arguments(__doc__.partition("\n")[0])
    parser.add_argument("--model", action="append", help="only these; the page then has only these")
    parser.add_argument("--share", type=float, default=1.0, help="of the usual number of images of each model")
    parser.add_argument("--cache", type=Path, default=CACHE)
    parser.add_argument("--try", dest="trial", action="store_true", help="two images of each")
    options = parser.parse_args()
    options.dry |= options.trial
    rows, found = [], {}
    for header in list_models():
        if header.name not in SOURCES or (options.model and header.name not in options.model):
            continue
        count = 2 if options.trial else max(2, round(options.share * SOURCES[header.name].images))
        values = kept(options.cache, f"reliability-{header.name}-{model_key(header.name)}", count,
                      lambda name=header.name, count=count: _judge(name, count, options.cache), room="models")
        if len(values["confidence"]):
            found[header.name] = values
            rows.append(_row(header.name, values))
            print(" | ".join(rows[-1]), flush=True)
    if not options.dry:
        _draw(found)
    head = ["model", "right means", "images", "right", "mean confidence", "calibration error", "after temperature",
            f"{100 * COVERAGE:.0f} % regions hold"]
    notes = ("Calibration error: mean gap of confidence and share that is right (of structures the mean Dice "
             "coefficient), in ten bins. Temperature and regions come from half of the images, the numbers from "
             "the others; structures have neither, and all of their images count. Regions: circles by split conformal "
             f"prediction; at least {100 * COVERAGE:.0f} % is promised on average over films.")
    picture = "![Share that is right by confidence, of each bundled model](images/reliability.png)"
    write_section("reliability", "What confidences are worth", [table(head, rows), notes, picture], (), dry=options.dry,
                  how="one thread")


def _judge(name: str, count: int, cache: Path) -> Mapping[str, np.ndarray]:
    """(films, N) arrays of what a model says of so many films."""
    films = []
    for judged in SOURCES[name].films(load_model(name), count, cache):
        films.append(judged)
        print(f"{name}: {len(films)} films", flush=True)
    if not films:
        return {"confidence": np.empty((0, 0)), "right": np.empty((0, 0)), "offsets": np.empty((0, 0, 2))}
    return {key: np.array([getattr(film, key) for film in films]) for key in ("confidence", "right", "offsets")}


def _row(name: str, values: Mapping[str, np.ndarray]) -> list[str]:
    confidence, right = values["confidence"], values["right"]
    overlaps = right.dtype.kind == "f"
    half = 0 if overlaps else len(confidence) // 2
    after = "–" if overlaps else f"{_gap(_cooled(confidence, right, half)[half:], right[half:]):.3f}"
    return [f"`{name}`", SOURCES[name].means, str(len(confidence)), f"{100 * _mean(right, confidence):.1f} %",
            f"{np.nanmean(confidence):.3f}", f"{_gap(confidence[half:], right[half:]):.3f}", after,
            "–" if overlaps else _covered(values, half)]


def _mean(right: np.ndarray, confidence: np.ndarray) -> float:
    return float(right[np.isfinite(confidence)].mean())


def _cooled(confidence: np.ndarray, right: np.ndarray, half: int) -> np.ndarray:
    known = np.isfinite(confidence[:half])
    return tempered(confidence, temperature(confidence[:half][known], right[:half][known]))


def _gap(confidence: np.ndarray, right: np.ndarray) -> float:
    """Calibration error; the mean "error" of a bin is the share, or the mean Dice coefficient, that lacks to 1."""
    found = reliability(confidence, 1.0 - right, 0.5)
    if found is None:
        return float("nan")
    gaps = [b.count * abs(b.mean_confidence - (1 - b.mean_error)) for b in found.bins]
    return float(sum(gaps) / sum(b.count for b in found.bins))


def _covered(values: Mapping[str, np.ndarray], half: int) -> str:
    """Share of the later films' landmarks in regions that the earlier ones gave."""
    offsets, known, inside = values["offsets"], np.isfinite(values["confidence"]), []
    for i in range(offsets.shape[1] if offsets[0].size else 0):
        matrix = calibrate(offsets[:half, i][known[:half, i]], COVERAGE)
        if matrix is None:
            return "too few films, or too many missed"
        off = offsets[half:, i][known[half:, i]]
        inside.append(np.einsum("ni,ni->n", off, np.linalg.solve(matrix, off.T).T) <= 1)
    return f"{100 * np.concatenate(inside).mean():.1f} %" if inside else "–"


def _draw(found: Mapping[str, Mapping[str, np.ndarray]]) -> None:
    """A panel a model: share right by confidence, as it is and after temperature scaling."""
    columns = min(len(found), 4) or 1
    figure = Figure(figsize=(2.6 * columns, 2.9 * -(-len(found) // columns) or 1), layout="constrained")
    panels = np.ravel(figure.subplots(-(-len(found) // columns) or 1, columns, squeeze=False))
    for axes in panels[len(found):]:
        axes.axis("off")
    for axes, (name, values) in zip(panels, found.items(), strict=False):
        overlaps = values["right"].dtype.kind == "f"
        half = 0 if overlaps else len(values["confidence"]) // 2
        shown = [(values["confidence"], BLUE, "as it is")]
        shown += [] if overlaps else [(_cooled(values["confidence"], values["right"], half), ORANGE, "temperature")]
        axes.plot([0, 1], [0, 1], color=GREY, lw=0.8, ls=":")
        for confidence, colour, label in shown:
            bins = reliability(confidence[half:], 1.0 - values["right"][half:], 0.5).bins
            largest = max(b.count for b in bins)
            places = [b.mean_confidence for b in bins], [1 - b.mean_error for b in bins]
            axes.plot(*places, color=colour, lw=1, label=label)
            axes.scatter(*places, color=colour, s=[6 + 60 * b.count / largest for b in bins])
        axes.set(xlim=(0, 1), ylim=(0, 1.03), xlabel="confidence", ylabel="Dice" if overlaps else "share right")
        axes.set_title(f"{name}\n{SOURCES[name].means}", fontsize=7)
    if found:
        panels[0].legend(frameon=False, fontsize=7)
    with replacing(PICTURE) as temporary:
        temporary.write_bytes(drawn(figure, "png"))


def _landmarks(model: Model, radiograph, truth: np.ndarray, tolerance_px: float, scale) -> Judged:
    """Judge detected landmarks against (N, 2) true ones in px, in the header's order."""
    try:
        marks = model.detect(radiograph).landmarks
        points, confidence = marks.points, marks.confidence
    except InputError:  # it says that the film shows nothing
        points, confidence = np.full(truth.shape, np.nan), np.zeros(len(truth))
    off = truth - points
    known = np.isfinite(truth).all(axis=1)
    right = np.linalg.norm(np.nan_to_num(off, nan=np.inf), axis=1) <= tolerance_px
    return Judged(np.where(known, confidence, np.nan), right & known, off * scale)


def _phantoms(model: Model, count: int, cache: Path) -> Iterator[Judged]:
    for subject in range(FIRST_SUBJECT, FIRST_SUBJECT + count):
        made = phantom_film(PHANTOMS[model.header.name], subject)
        names = [n for n in model.header.landmarks if n in made.landmarks.names]
        truth = np.array([made.landmarks[n] if n in names else (np.nan, np.nan) for n in model.header.landmarks])
        size = np.sqrt(np.nanmean(((truth - np.nanmean(truth, axis=0)) ** 2).sum(axis=1)))
        tolerance = model.header.metrics["confidence_tolerance_percent_of_size"] / 100
        yield _landmarks(model, made.radiograph, truth, tolerance * size, made.radiograph.spacing_mm)


def _any_view(model: Model, count: int, cache: Path) -> Iterator[Judged]:
    from napari_xray_landmarks.training.patients import PhantomPatients
    from napari_xray_landmarks.training.rendered import LOOK, VIEWS
    from napari_xray_landmarks.training.simulated import FilmPlan
    from napari_xray_landmarks.view_invariant.calibration import RIGHT_MM

    plan = FilmPlan(PhantomPatients("pelvis", count, FIRST_SUBJECT), VIEWS, 1, views_each=1, look=LOOK, outlined=False)
    for number in range(count):
        made = plan.film(number)
        truth = np.array([made.landmarks[n] for n in model.header.landmarks])
        truth[~made.landmarks.detected[[made.landmarks.names.index(n) for n in model.header.landmarks]]] = np.nan
        spacing = made.radiograph.spacing_mm
        yield _landmarks(model, made.radiograph, truth, RIGHT_MM / float(np.mean(spacing)), spacing)


def _spines(model: Model, count: int, cache: Path) -> Iterator[Judged]:
    from napari_xray_landmarks.spine.uncertainty import TOLERANCE

    dataset = aasce(cache)
    test = fold(dataset, 0)[1] if dataset is not None else None
    for film in test.films[:count] if test is not None else ():
        marks = test.landmarks(film)
        truth = np.array([marks[n] for n in model.header.landmarks])
        width = np.linalg.norm(np.diff(truth.reshape(-1, 2, 2), axis=1), axis=-1).mean()
        yield _landmarks(model, test.radiograph(film), truth, TOLERANCE * width, (1.0, 1.0))


def _hips(model: Model, count: int, cache: Path) -> Iterator[Judged]:
    from napari_xray_landmarks.deep_morphing.trials import KINDS, RIGHT_MM, contour_error, trial
    from napari_xray_landmarks.training.femurs import VIEWS, FemurPatients
    from napari_xray_landmarks.training.simulated import FilmPlan

    plan = FilmPlan(FemurPatients(FIRST_SUBJECT + count), VIEWS, views_each=1, seed=1)
    for number in range(count):
        made, rng = plan.film(FIRST_SUBJECT + number), np.random.default_rng(number)
        spoilt = trial(made.radiograph, made.contours, KINDS[number % len(KINDS)], rng)
        bones = model.segment(spoilt.radiograph).bones
        best = max(bones, key=lambda bone: bone.confidence, default=None)
        limit_px = RIGHT_MM / float(np.mean(made.radiograph.spacing_mm))
        right = best is not None and contour_error(best, spoilt) <= limit_px
        confidence = 0.0 if best is None else float(best.confidence)
        yield Judged(np.array([confidence]), np.array([right]), np.empty((0, 2)))


def _knees(model: Model, count: int, cache: Path) -> Iterator[Judged]:
    from napari_xray_landmarks.phantoms.knee_images import knee_phantom
    from napari_xray_landmarks.training.knee_sets import STRUCTURES

    for number in range(FIRST_SUBJECT, FIRST_SUBJECT + count):
        made = knee_phantom(number)
        yield _structures(model, made.volume, made.labels, STRUCTURES)


def _pelvic_mris(model: Model, count: int, cache: Path) -> Iterator[Judged]:
    from napari_xray_landmarks.io import load_image
    from pelvic_mri import ABOUT, MARK, SOURCE

    for name in LEFT_OUT[:count] if SOURCE.is_dir() else ():
        volume, labels = (load_image(SOURCE / f"{name}{end}.nii.gz") for end in ("", MARK))
        yield _structures(model, volume, labels, ABOUT["structures"])


def _structures(model: Model, volume, truth, known: Mapping[str, int]) -> Judged:
    """Judge the structures of a volume: each confidence against the Dice coefficient; one not found has 0."""
    from napari_xray_landmarks.evaluation.volumes import overlaps

    found = model.segment(volume)
    sure = {one.name: one.confidence for one in found.structures}
    dice = {one.structure: one.dice for one in overlaps(found.labels, truth, known)}
    shown = [name for name in known if name in sure]
    return Judged(np.array([sure[n] for n in shown]), np.array([np.nan_to_num(dice.get(n, 0.0)) for n in shown]),
                  np.empty((0, 2)))


@dataclass(frozen=True)
class Source:
    """Images that a model has not seen, judged, in words what being right means, and how many are enough."""

    films: Callable[[Model, int, Path], Iterator[Judged]]
    means: str
    images: int


SOURCES = {
    **dict.fromkeys(PHANTOMS, Source(_phantoms, "within 3 % of the shape's size", 18)),
    "pelvis-any-view": Source(_any_view, "within 5.8 mm", 18),
    "spine-ap": Source(_spines, "within a tenth of an endplate", 60),
    "hip-fluoroscopy": Source(_hips, "outline within 2 mm", 18),
    "knee-mr": Source(_knees, "Dice coefficient", 3),
    "pelvis-mr": Source(_pelvic_mris, "Dice coefficient", 3),
}

if __name__ == "__main__":
    main()
