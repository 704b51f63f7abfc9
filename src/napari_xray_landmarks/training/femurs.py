"""Who is in films of the hip: phantoms and people of the pelvis atlas, with outlines of femurs and femoral heads."""

from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..drr.toolbox import nail, plate, screw, stem
from ..drr.tools import Tool
from ..landmarks import LandmarkSet
from ..mesh import Mesh
from .patients import Patient, splits_of
from .views import ViewRanges, without_lone_sides

if TYPE_CHECKING:
    from ..phantoms.phantom import Phantom

SIDES = ("left", "right")
MARKS = ("femoral-head", "greater-trochanter", "lesser-trochanter")
BOX_MM = ((-250.0, -125.0, -215.0), (160.0, 155.0, 215.0))  # more of the shafts than in the pelvis's CT
# A C-arm about the hip, as far as the legs and the table let it turn.
VIEWS = ViewRanges((-65, 65), (-20, 20), (-5, 5), (600, 700), (950, 1050), (35, 20, 30), (448, 448), (0.8, 0.8))


@dataclass(frozen=True)
class FemurPatients:
    """Phantoms and, where a user has it, people of the pelvis atlas; views are about one of their hips.

    Subjects are so many phantoms, those of the atlas, and individuals sampled from the shapes of those that train.

    Parameters
    ----------
    phantoms
        How many.
    atlas
        Folder of the pelvis atlas; empty for none.
    femurs
        File of the femur model for the atlas's people; empty gives the phantom's femurs.
    sampled
        How many individuals sampled from the atlas.
    implants
        Share of the variants with a nail, plate, screws or stem in the hip that the films are about.
    spacing_mm
        Of the CTs that films are made from.
    seed
        Of the splits and variants.
    first
        Number of the first phantom.
    """

    phantoms: int = 40
    atlas: str = ""
    femurs: str = ""
    sampled: int = 0
    implants: float = 0.3
    spacing_mm: float = 1.5
    seed: int = 0
    first: int = 0

    def __post_init__(self):
        if self.phantoms < 0 or self.sampled < 0 or not (self.phantoms or self.atlas):
            raise ValueError(f"there must be phantoms or an atlas, got {self.phantoms} phantoms and no atlas")
        if self.sampled and not self.atlas:
            raise ValueError(f"{self.sampled} individuals cannot be sampled without an atlas")

    def __len__(self) -> int:
        return len(self._subjects)

    def describe(self) -> dict:
        known = asdict(self) | {"atlas": bool(self.atlas), "femurs": Path(self.femurs).name}
        return {"kind": "femurs", **known, "subjects": [name for name, _ in self._subjects]}

    @cached_property
    def _subjects(self) -> tuple[tuple[str, str], ...]:
        """(name, split) of each; kinds take turns, so that the first films show some of each."""
        from ..phantoms.atlas import atlas_subjects

        phantoms = splits_of(range(self.first, self.first + self.phantoms), self.seed)
        known = splits_of(atlas_subjects(self.atlas), self.seed) if self.atlas else {}
        kinds = [[(f"phantom-{n}", split) for n, split in phantoms.items()],
                 [(f"atlas-{n}", split) for n, split in known.items()],
                 [(f"sampled-{n}", "train") for n in range(self.sampled)]]
        places = [((i + 0.5) / len(kind), k, subject) for k, kind in enumerate(kinds) for i, subject in enumerate(kind)]
        return tuple(subject for _, _, subject in sorted(places))

    def split_of(self, number: int) -> str:
        return self._subjects[number][1]

    def patient(self, number: int, variant: int, *, outlined: bool = True) -> Patient:
        from ..drr.projection import label_surfaces
        from ..drr.scene import scene

        name, split = self._subjects[number]
        rng = np.random.default_rng([109, self.seed, number, variant])
        made = self._phantom(name, variant)
        femurs = label_surfaces(made.labels, {made.label_names[f"femur-{side}"]: f"femur-{side}" for side in SIDES})
        side = str(rng.choice(SIDES))
        heads = {s: head_of(mesh, _marks(made, s)) for s, mesh in zip(SIDES, femurs, strict=True)}
        bone = femurs[SIDES.index(side)]
        tools = implanted(bone, _marks(made, side), rng) if rng.random() < self.implants else ()
        ready = replace(scene(replace(made.volume, name=name), labels=made.labels), tools=tools)
        landmarks = LandmarkSet(tuple(f"{n}-{side}" for n in MARKS), _marks(made, side), unit="mm")
        subject = f"{name}-{variant}" if name.startswith("sampled") else name
        surfaces = (*femurs, *heads.values()) if outlined else ()
        return Patient(subject, split, ready, without_lone_sides(landmarks), surfaces, bool(tools))

    def _phantom(self, name: str, variant: int) -> "Phantom":
        from ..phantoms.atlas_people import atlas_person, sampled_person
        from ..phantoms.pelvis import LABELS, individual
        from ..phantoms.phantom import Phantom
        from ..phantoms.voxels import ct

        kind, _, own = name.partition("-")
        if kind == "phantom":
            person = individual(int(own))
            volume, labels = ct(person, name, BOX_MM, self.spacing_mm)
            points = {f"{n}-{side}": person.landmarks[f"{n}-{side}"] for n in MARKS for side in SIDES}
            marks = LandmarkSet(tuple(points), np.array(list(points.values())), unit="mm")
            return Phantom(volume, labels, marks, dict(LABELS), False)
        if kind == "atlas":
            person = atlas_person(self.atlas, own, variant, femurs=self.femurs or None)
        else:
            train = tuple(n.partition("-")[2] for n, split in self._subjects
                          if n.startswith("atlas") and split == "train")
            person = sampled_person(self.atlas, train, (int(own), variant), femurs=self.femurs or None)
        return person.phantom(self.spacing_mm, BOX_MM)


def _marks(made: "Phantom", side: str) -> np.ndarray:
    """(3, 3) centre of the head, tips of the greater and the lesser trochanter."""
    return np.array([made.landmarks[f"{n}-{side}"] for n in MARKS])


def head_of(femur: Mesh, marks: np.ndarray) -> Mesh:
    """A sphere round the femoral head: its radius is the median distance of the side of it that has no neck.

    Parameters
    ----------
    femur
    marks : (3, 3) array
        Centre of the head, tips of the greater and the lesser trochanter.
    """
    import trimesh

    centre, greater, lesser = marks
    neck = centre - (greater + lesser) / 2
    neck /= np.linalg.norm(neck)
    away = femur.vertices - centre
    radius = float(np.median(np.linalg.norm(away[away @ neck > 2.0], axis=1)))
    ball = trimesh.creation.icosphere(subdivisions=4, radius=radius)
    return Mesh(ball.vertices + centre, ball.faces, femur.name.replace("femur", "femoral-head"))


def shaft_of(femur: Mesh, marks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A point on the shaft's axis at the height of the lesser trochanter, and the axis upwards."""
    lesser = marks[2, 0]
    slices = [femur.vertices[np.abs(femur.vertices[:, 0] - lesser + below) < 6] for below in (45.0, 110.0)]
    upper, lower = (0.5 * (points.min(0) + points.max(0)) for points in slices)
    axis = (upper - lower) / np.linalg.norm(upper - lower)
    return upper + axis * (45.0 / axis[0]), axis


def implanted(femur: Mesh, marks: np.ndarray, rng: np.random.Generator) -> tuple[Tool, ...]:
    """A nail, a hip screw and plate, neck screws or a stem where surgeons put them, in a femur with these marks."""
    head, greater, _ = marks
    middle, up = shaft_of(femur, marks)
    top = middle + ((greater - middle) @ up) * up
    out = greater - head
    out -= (out @ up) * up
    out /= np.linalg.norm(out)
    waist = middle + 0.5 * (top - middle)
    neck = head - waist
    neck /= np.linalg.norm(neck)
    kind = str(rng.choice(("nail", "plate", "screws", "stem")))
    aim = head + rng.uniform(2, 9) * neck
    if kind == "nail":
        path = [top + 8 * up + 4 * out, middle, middle - rng.uniform(90, 200) * up]
        return (nail(path, rng.uniform(4.8, 6.0), (aim, aim - rng.uniform(85, 98) * neck)),)
    if kind == "plate":
        side = middle + 0.3 * (top - middle) + 19 * out
        ends = [side, side - 25 * up, side - rng.uniform(70, 120) * up]
        lag = screw(aim, aim - rng.uniform(80, 92) * neck, 5.5, 3.0, 0.3, "steel")
        return (lag, *plate(ends, out, 16.0, 5.0, int(rng.integers(3, 6)), 36.0, "steel"))
    if kind == "screws":
        first = np.cross(neck, up) / np.linalg.norm(np.cross(neck, up))
        angles = rng.uniform(0, 2 * np.pi) + np.arange(rng.integers(2, 4)) * 2 * np.pi / 3
        away = 8.5 * (np.cos(angles)[:, None] * first + np.sin(angles)[:, None] * np.cross(first, neck))
        return tuple(screw(aim + a, aim + a - rng.uniform(78, 88) * neck, 3.4, 2.0, 0.25) for a in away)
    radius = float(np.median(np.linalg.norm(head_of(femur, marks).vertices - head, axis=1)))
    return (stem(head, waist + 0.2 * (head - waist), waist, middle - rng.uniform(60, 110) * up,
                 radius * rng.uniform(0.62, 0.95), rng.uniform(5, 8)),)
