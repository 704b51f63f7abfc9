"""Who is in simulated films: phantoms, people of the pelvis atlas, a user's own CTs."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ..errors import InputError
from ..imaging import Volume
from ..landmarks import LandmarkSet
from ..mesh import Mesh
from .views import without_lone_sides

if TYPE_CHECKING:
    from ..drr.scene import Scene
    from ..phantoms.phantom import Phantom

SPLITS = ("train", "validation", "test")
FEMUR = "proximal-femur"
ANATOMIES = ("pelvis", FEMUR)
SHARES = (0.7, 0.1, 0.2)  # of the subjects, in each of them


@dataclass(frozen=True, eq=False)
class Patient:
    """One subject made ready for any number of views.

    Parameters
    ----------
    subject
        Films of one subject never cross splits.
    split
    scene
        From `drr.scene.scene`.
    landmarks
        In mm.
    surfaces
        What is outlined.
    has_implant
    """

    subject: str
    split: str
    scene: "Scene"
    landmarks: LandmarkSet
    surfaces: tuple[Mesh, ...] = ()
    has_implant: bool = False

    @property
    def middle_mm(self) -> np.ndarray:
        """(3,) middle of the box of the landmarks."""
        points = self.landmarks.points[self.landmarks.detected]
        return (points.min(0) + points.max(0)) / 2


class Patients(Protocol):
    """Subjects in a fixed order; another variant of a subject is the same one with other soft parts and implants."""

    def __len__(self) -> int: ...

    def describe(self) -> dict:
        """What makes this source: the same description gives the same patients."""

    def split_of(self, number: int) -> str:
        """The split of the subject of that number."""

    def patient(self, number: int, variant: int, *, outlined: bool = True) -> Patient:
        """The subject of that number; with surfaces where they are to be outlined."""


@dataclass(frozen=True)
class OfSplit:
    """Those patients that are of one split.

    Raises
    ------
    ValueError
        There are none.
    """

    patients: Patients
    split: str
    numbers: tuple[int, ...] = field(init=False)

    def __post_init__(self):
        numbers = tuple(n for n in range(len(self.patients)) if self.patients.split_of(n) == self.split)
        if not numbers:
            raise ValueError(f"none of the {len(self.patients)} patients is of the split {self.split!r}")
        object.__setattr__(self, "numbers", numbers)

    def __len__(self) -> int:
        return len(self.numbers)

    def describe(self) -> dict:
        return {**self.patients.describe(), "split": self.split}

    def split_of(self, number: int) -> str:
        return self.split

    def patient(self, number: int, variant: int, *, outlined: bool = True) -> Patient:
        return self.patients.patient(self.numbers[number], variant, outlined=outlined)


def splits_of(subjects: Iterable, seed: int, shares: Sequence[float] = SHARES) -> dict:
    """A split for each subject, about in these shares of train, validation and test."""
    subjects = tuple(dict.fromkeys(subjects))
    shares = np.asarray(shares, float)
    if len(shares) != len(SPLITS) or shares.min() < 0 or not np.isclose(shares.sum(), 1):
        raise ValueError(f"shares of {', '.join(SPLITS)} must be three that add up to 1, got {shares.tolist()}")
    places = np.random.default_rng([97, seed]).permutation(len(subjects))
    ends = np.round(np.cumsum(shares) * len(subjects)).astype(int)
    return {subject: SPLITS[int(np.searchsorted(ends, place, side="right"))]
            for subject, place in zip(subjects, places, strict=True)}


@dataclass(frozen=True)
class PhantomPatients:
    """Phantoms: the name of one, and so many subjects from `first` on. Every third has implants.

    Proximal femurs are those of pelves, left or right, each with three landmarks.
    """

    name: str = "pelvis"
    count: int = 1000
    first: int = 0
    spacing_mm: float = 1.5
    seed: int = 0

    def __len__(self) -> int:
        return self.count

    def describe(self) -> dict:
        return {"kind": "phantoms", **asdict(self)}

    @cached_property
    def _splits(self) -> dict[int, str]:
        return splits_of(range(self.count), self.seed)

    def split_of(self, number: int) -> str:
        return self._splits[number]

    def patient(self, number: int, variant: int, *, outlined: bool = True) -> Patient:
        from ..phantoms import phantom

        subject = self.first + number
        if self.name == FEMUR:  # with the rest of the pelvis: a CT of the femur alone is too small for slanting views
            made = phantom("pelvis", subject, spacing_mm=self.spacing_mm)
            side = np.random.default_rng([107, subject]).choice(("left", "right"))
            made = replace(made, landmarks=_of_femur(made.landmarks, side))
        else:
            made = phantom(self.name, subject, spacing_mm=self.spacing_mm)
        return _of_phantom(made, f"{self.name}-{subject}", self.split_of(number), outlined)


@dataclass(frozen=True)
class AtlasPatients:
    """People of the pelvis atlas, then individuals sampled from the shapes of those that train, who train too.

    Another variant of a sampled individual is another individual.

    Parameters
    ----------
    folder
        Of the atlas.
    femurs
        File of the femur model; empty gives the phantom's femurs.
    sampled
        How many sampled individuals.
    implants
        Share of the variants with metal.
    anatomy
        "pelvis" with its landmarks, or "proximal-femur": those of one of the femurs, and views about it.
    spacing_mm
    seed
        Of the splits.
    """

    folder: str
    femurs: str = ""
    sampled: int = 0
    implants: float = 0.3
    anatomy: str = "pelvis"
    spacing_mm: float = 1.5
    seed: int = 0

    def __post_init__(self):
        if self.anatomy not in ANATOMIES:
            raise ValueError(f"anatomy must be {' or '.join(ANATOMIES)}, got {self.anatomy!r}")

    def __len__(self) -> int:
        return len(self._splits) + self.sampled

    def describe(self) -> dict:
        known = {**asdict(self), "femurs": Path(self.femurs).name}
        del known["folder"]
        return {"kind": "pelvis atlas", **known, "subjects": list(self._splits)}

    @cached_property
    def _splits(self) -> dict[str, str]:
        from ..phantoms.atlas import atlas_subjects

        return splits_of(atlas_subjects(self.folder), self.seed)

    def split_of(self, number: int) -> str:
        return [*self._splits.values(), "train"][min(number, len(self._splits))]

    def patient(self, number: int, variant: int, *, outlined: bool = True) -> Patient:
        from ..phantoms.atlas_people import atlas_person, sampled_person

        rng = np.random.default_rng([101, self.seed, number, variant])
        options = {"femurs": self.femurs or None, "implant": bool(rng.random() < self.implants)}
        own = number - len(self._splits)
        if own < 0:
            subject = list(self._splits)[number]
            person, name = atlas_person(self.folder, subject, variant, **options), f"atlas-{subject}"
        else:
            train = tuple(s for s, split in self._splits.items() if split == "train")
            person, name = sampled_person(self.folder, train, (own, variant), **options), f"sampled-{own}-{variant}"
        made = person.phantom(self.spacing_mm)
        if self.anatomy == FEMUR:
            made = replace(made, landmarks=_of_femur(made.landmarks, str(rng.choice(("left", "right")))))
        return _of_phantom(made, name, self.split_of(number), outlined)


@dataclass(frozen=True)
class CTFiles:
    """One subject's files."""

    subject: str
    ct: str
    landmarks: str
    labels: str = ""


@dataclass(frozen=True)
class CTPatients:
    """A user's own CTs with landmarks.

    Parameters
    ----------
    files
    structures
        (value, name) of the labels to outline; none for all that are bone.
    seed
        Of the splits.
    """

    files: tuple[CTFiles, ...]
    structures: tuple[tuple[int, str], ...] = ()
    seed: int = 0

    def __len__(self) -> int:
        return len(self.files)

    def describe(self) -> dict:
        return {"kind": "CTs", "subjects": [f.subject for f in self.files], "structures": self.structures,
                "seed": self.seed}

    @cached_property
    def _splits(self) -> dict[str, str]:
        return splits_of([f.subject for f in self.files], self.seed)

    def split_of(self, number: int) -> str:
        return self._splits[self.files[number].subject]

    def patient(self, number: int, variant: int, *, outlined: bool = True) -> Patient:
        from ..drr.projection import label_names, label_surfaces, require_in_volume
        from ..drr.scene import scene
        from ..io import load_image, load_landmarks

        files = self.files[number]
        ct, landmarks = load_image(files.ct), load_landmarks(files.landmarks)
        labels = load_image(files.labels) if files.labels else None
        if not isinstance(ct, Volume) or not (labels is None or isinstance(labels, Volume)):
            raise InputError(files.ct, "is a film, not a volume", "Give a CT, and labels on its grid")
        if landmarks.unit != "mm" or landmarks.points.shape[1] != 3:
            raise InputError(files.landmarks, "holds no landmarks in space", "Give those of the CT, in mm")
        require_in_volume(landmarks, ct, files.landmarks)
        surfaces = ()
        if labels is not None and outlined:
            surfaces = label_surfaces(labels, dict(self.structures) or label_names(labels, ct))
        return Patient(files.subject, self.split_of(number), scene(ct, labels=labels), landmarks, surfaces)


def _of_femur(landmarks: LandmarkSet, side: str) -> LandmarkSet:
    """Those of a pelvis that are on the femur of a side."""
    names = tuple(f"{n}-{side}" for n in ("femoral-head", "greater-trochanter", "lesser-trochanter"))
    return LandmarkSet(names, np.array([landmarks[n] for n in names]), unit=landmarks.unit)


def _of_phantom(made: "Phantom", subject: str, split: str, outlined: bool) -> Patient:
    from ..drr.projection import label_surfaces
    from ..drr.scene import scene

    names = {value: name for name, value in made.label_names.items()}
    surfaces = label_surfaces(made.labels, names) if outlined else ()
    ready = scene(replace(made.volume, name=subject), labels=made.labels)
    return Patient(subject, split, ready, without_lone_sides(made.landmarks), surfaces, made.has_implant)
