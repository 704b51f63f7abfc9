"""`train --ct`: CTs with landmarks in place of films."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import FileError, InputError
from .simulated_sets import ATLAS_CITATION, ATLAS_FOLDERS, FemursOption, SampledOption, patients

if TYPE_CHECKING:
    from ..training.rendered import RenderedFilms

PELVIS = "pelvis"
MARKUPS = (".mrk.json", ".fcsv")

CTOption = Annotated[
    Path | None,
    typer.Option("--ct", metavar="DIR", help="A folder of CTs whose films are rendered while view-invariant trains; or "
                 "the folder of the pelvis atlas, or pelvis for its phantom."),
]  # fmt: skip
CTLandmarksOption = Annotated[
    list[Path] | None,
    typer.Option("--landmarks", metavar="PATH", help="Landmarks of the CTs: their folder, or one file a CT, each "
                 "called as its CT is. By default they are beside the CTs."),
]  # fmt: skip
__all__ = ["CTLandmarksOption", "CTOption", "FemursOption", "SampledOption", "rendered_films"]


def rendered_films(ct: Path, landmarks: Sequence[Path], *, femurs: Path | None, sampled: int, anatomy: str | None,
                   seed: int) -> "RenderedFilms":
    """What to render films of: the CTs of a folder, people of the pelvis atlas, or the pelvis phantom.

    Parameters
    ----------
    ct
    landmarks
        Files or folders of markups.
    femurs, sampled
        Of the atlas.
    anatomy
        What the CTs show, where it is said.
    seed
        Of splits and views.

    Raises
    ------
    InputError
        There are no CTs, or one has no landmarks.
    """
    from ..io import load_landmarks
    from ..phantoms.schemas import SCHEMAS
    from ..training.rendered import RenderedFilms

    is_atlas = all((ct / name).is_dir() for name in ATLAS_FOLDERS)
    is_phantom = not ct.exists() and str(ct) == PELVIS
    if (is_atlas or is_phantom) and landmarks:
        raise InputError("--landmarks", f"does not go with {ct}, whose landmarks are known", "Leave it out")
    if (femurs or sampled) and not is_atlas:
        raise InputError("--femurs or --sampled", "needs the pelvis atlas", "Give its folder as --ct")
    options = {"structures": None, "femurs": femurs, "sampled": sampled, "implants": 0.3, "anatomy": PELVIS,
               "seed": seed}
    if is_atlas or is_phantom:
        schema = SCHEMAS[PELVIS]
        about = {"name": "pelvis atlas" if is_atlas else "pelvis phantoms", "anatomy": schema.anatomy,
                 "schema": {"pairs": schema.pairs, "subshapes": schema.subshapes}}
        about |= {"citation": ATLAS_CITATION} if is_atlas else {}
        return RenderedFilms(patients([ct], {}, {}, **options), schema.names, ct, seed=seed, about=about)
    marks = marked_cts(ct, landmarks)
    names = load_landmarks(next(iter(marks.values()))).names
    about = {"name": ct.absolute().name} | ({"anatomy": anatomy} if anatomy else {})
    return RenderedFilms(patients([*marks], marks, {}, **options), names, ct, seed=seed, about=about)


def marked_cts(folder: Path, landmarks: Sequence[Path]) -> Mapping[Path, Path]:
    """The CTs of a folder, volume files and folders of DICOM series, each with the markups that are called so."""
    from ..io.files import VOLUME_SUFFIXES, stem, suffix

    if not folder.is_dir():
        raise FileError(folder, "is no folder", "Give the folder of the CTs")
    cts = sorted(p for p in folder.iterdir() if suffix(p) in VOLUME_SUFFIXES or p.is_dir() and not _markups([p]))
    known = {stem(path): path for path in _markups(landmarks or [folder])}
    if not cts:
        raise FileError(folder, "holds no CT", f"Give a folder of CTs ({', '.join(VOLUME_SUFFIXES)}, or DICOM folders)")
    if lacking := [ct for ct in cts if stem(ct) not in known]:
        raise FileError(lacking[0], "has no landmarks", f"Give a file {stem(lacking[0])}.mrk.json with --landmarks")
    return {ct: known[stem(ct)] for ct in cts}


def _markups(paths: Sequence[Path]) -> list[Path]:
    """The files among paths, and the markups in their folders."""
    files = []
    for path in paths:
        files += sorted(p for p in path.iterdir() if p.name.endswith(MARKUPS)) if path.is_dir() else [path]
    return files
