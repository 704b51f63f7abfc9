"""Films that do not show what a model looks for, and those that do: how often `detect` raises doubt.

    python benchmarks/foreign_films.py [--films 10] [--foreign 6] [--first 1300] [--cache DIR]

The bundled models of joint displacement search phantom films of subjects that did not train, and real films of other
parts of the body: skulls, spines, a chest, a lower leg, vessels. Real films need ../shared/data or
$XRAY_LANDMARKS_DATA.
"""

from pathlib import Path

import numpy as np

from _films import CACHE, code, phantom_films
from _page import DATA, Target, arguments, table, write_section
from _runs import model_key
from _volumes import kept
from napari_xray_landmarks.imaging import Radiograph
from napari_xray_landmarks.io import load_image
from napari_xray_landmarks.models import load_model
from reliability import PHANTOMS

FALSE = 0.05
FOREIGN = ("cephalograms/images/*", "aasce/images/*", "dicom-films/RG1*", "dicom-films/RG3*", "dicom-films/XA1*")


def main() -> None:
    parser = arguments(__doc__.partition("\n")[0])
    parser.add_argument("--films", type=int, default=10, help="phantom films for each model")
    parser.add_argument("--foreign", type=int, default=6, help="real films of each kind")
    parser.add_argument("--first", type=int, default=1300, help="subject of the first phantom film")
    parser.add_argument("--cache", type=Path, default=CACHE)
    options = parser.parse_args()
    foreign = [path for pattern in FOREIGN for path in sorted(DATA.glob(pattern))[:options.foreign]]
    rows, wrong, unseen, films = [], 0, 0, 0
    for name, phantom in PHANTOMS.items():
        model, key = load_model(name), (model_key(name), code("joint_displacement"))
        own = phantom_films(phantom, range(options.first, options.first + options.films), options.cache)
        jobs = {f"{name}-{options.first + i}": Radiograph(film.pixels, film.spacing_mm) for i, film in enumerate(own)}
        shows = [searched(options.cache, each, key, model, film) for each, film in jobs.items()]
        others = [searched(options.cache, f"{name}-{path.stem}", key, model, without_header(path)) for path in foreign]
        rows += [row(name, "phantom films that did not train", shows), row(name, "real films of other parts", others)]
        wrong, films = wrong + sum(one["doubt"] for one in shows), films + len(shows)
        unseen += sum(not one["doubt"] for one in others)
        for line in rows[-2:]:
            print(*line, sep=" | ", flush=True)
    about = ("How far the found landmarks lie from the mean shape, in standard deviations of the training's shapes "
             "over their degrees of freedom, and how often that raises doubt. What headers say of the part of the body "
             "is left out. The limit was set with some of the real films in view. Real films that show the anatomy may "
             "raise doubt too with these models: they learnt from phantoms.")
    columns = ["model", "films", "count", "distance: median", "least", "largest", "median confidence", "with doubt"]
    targets = [Target("films of the anatomy, doubted", f"≤ {FALSE:.0%} of phantom films", f"{wrong} of {films}",
                      wrong <= FALSE * films),
               Target("films of other parts, not doubted", "0", str(unseen), unseen == 0)]
    write_section("foreign-films", "Films of something else", [about, table(columns, rows)], targets, dry=options.dry)


def without_header(path: Path) -> Radiograph:
    """A film's pixels and spacing alone."""
    film = load_image(path)
    return Radiograph(film.pixels, film.spacing_mm, film.spacing_source)


def searched(cache: Path, name: str, key, model, film: Radiograph) -> dict:
    def search() -> dict:
        found = model.detect(film)
        return {"distance": model.detector.model.formation.distance(found.landmarks.points),
                "confidence": float(np.median(found.landmarks.confidence)), "doubt": bool(found.doubt)}

    return kept(cache / "foreign-films", name, key, search)


def row(name: str, kind: str, found: list[dict]) -> list[str]:
    distances = [one["distance"] for one in found] or [np.nan]
    return [f"`{name}`", kind, str(len(found)), *(f"{f(distances):.2f}" for f in (np.median, min, max)),
            f"{np.median([one['confidence'] for one in found] or [np.nan]):.2f}",
            str(sum(one["doubt"] for one in found))]


if __name__ == "__main__":
    main()
