"""One person's way through a folder of films: the next landmark, what can be undone, and how long each film took."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from psygnal import Signal

if TYPE_CHECKING:
    from ..training.annotations import Annotations
    from ..training.dataset import Film

DONE, PARTLY, UNTOUCHED = "done", "partly", "untouched"
IDLE_S = 30.0
"""A pause that is longer counts as this long: the annotator was away."""


@dataclass(frozen=True)
class Change:
    """One landmark's mark before and after; None for unmarked."""

    image: str
    landmark: str
    before: tuple[float, float] | None
    after: tuple[float, float] | None


class Annotating:
    """The state of an annotation in a window.

    Parameters
    ----------
    store
        The open training set.
    clock
        Seconds that only grow.

    Signals
    -------
    marked(str)
        Marks or proposals of that film changed.
    turned()
        Another film is shown.
    prompts()
        Another landmark is asked for, or none.
    """

    marked = Signal(str)
    turned = Signal()
    prompts = Signal()

    def __init__(self, store: "Annotations", clock: Callable[[], float] = time.monotonic):
        self.store, self._clock = store, clock
        self.proposals: dict[str, Mapping[str, tuple[float, float]]] = {}
        self.held: tuple[float, float] | None = None
        self._proposed_by: dict[str, str] = {}
        self._done: list[tuple[Change, ...]] = []
        self._undone: list[tuple[Change, ...]] = []
        self._last = clock()
        self.index = next((i for i, film in enumerate(store.films) if self.state(film.name) != DONE), 0)
        self.prompted = self._next_unmarked()

    @property
    def film(self) -> "Film":
        return self.store.films[self.index]

    @property
    def image(self) -> str:
        """The film's name in the tables."""
        return self.film.name

    @property
    def names(self) -> tuple[str, ...]:
        return self.store.schema.names

    @property
    def marks(self) -> Mapping[str, tuple[float, float]]:
        """Those of the film that is shown."""
        return self.store.marks(self.image)

    @property
    def open_proposals(self) -> dict[str, tuple[float, float]]:
        """What a model proposes in the film that is shown, for landmarks without a mark."""
        offered = self.proposals.get(self.image, {})
        return {name: offered[name] for name in self.names if name in offered and name not in self.marks}

    def state(self, image: str) -> str:
        """How far a film is: `DONE` when every landmark is marked or said not to be visible."""
        marks = self.store.marks(image)
        here = sum(name in marks for name in self.names)
        return UNTOUCHED if not here else DONE if here == len(self.names) else PARTLY

    def counts(self) -> dict[str, int]:
        """Number of films in each state."""
        states = [self.state(film.name) for film in self.store.films]
        return {state: states.count(state) for state in (DONE, PARTLY, UNTOUCHED)}

    def go(self, index: int) -> None:
        """Show another film, and ask for its first landmark without a mark."""
        if 0 <= index < len(self.store.films) and index != self.index:
            self.index = index
            self._last = self._clock()
            self.turned.emit()
            self._prompt(self._next_unmarked())

    def choose(self, name: str | None) -> None:
        """Ask for this landmark, marked or not."""
        if name is None or name in self.names:
            self._prompt(name)

    def step(self, by: int) -> None:
        """Ask for a landmark further on, or back, in the order."""
        if self.names:
            at = self.names.index(self.prompted) + by if self.prompted in self.names else (0 if by > 0 else -1)
            self._prompt(self.names[at % len(self.names)])

    def place(self, point, name: str | None = None) -> None:
        """Mark the landmark that is asked for, or that one; and ask for the next."""
        name = self.prompted if name is None else name
        if name in self.names and all(math.isfinite(v) for v in point):
            self._change({name: (float(point[0]), float(point[1]))})
            self._after(name)

    def hold(self, point) -> None:
        """Offer a place for the landmark that is asked for; `accept` takes it, asking for another one forgets it."""
        if self.prompted is not None:
            self.held = (float(point[0]), float(point[1]))
            self.prompts.emit()

    def skip(self) -> None:
        """Say that the landmark that is asked for is not visible."""
        from ..training.annotations import NOT_VISIBLE

        if self.prompted is not None:
            name = self.prompted
            self._change({name: NOT_VISIBLE})
            self._after(name)

    def accept(self) -> None:
        """Take the place that is held, or the model's, for the landmark that is asked for."""
        if self.held is not None:
            self.place(self.held)
        elif self.prompted in self.open_proposals:
            self.place(self.open_proposals[self.prompted])

    def accept_all(self) -> None:
        """Take the model's places for all landmarks of this film that have no mark; one undo takes all back."""
        if offered := self.open_proposals:
            self._change(offered)
            self._prompt(self._next_unmarked())

    def take_back(self, name: str | None = None) -> None:
        """Take back that mark, or the one that was made last in this film, and ask for its landmark again."""
        changed = [c.landmark for group in reversed(self._done) for c in reversed(group) if c.image == self.image]
        order = [*changed, *reversed(self.names)] if name is None else [name]
        if name := next((name for name in order if name in self.marks), None):
            self._change({name: None})
            self._prompt(name)

    def propose(self, found: Mapping[str, Mapping[str, tuple[float, float]]], model: str) -> None:
        """Offer a model's landmarks in films; what is marked already is not touched."""
        self.proposals |= found
        for image in found:
            self._proposed_by[image] = model
            self.marked.emit(image)

    @property
    def can_undo(self) -> bool:
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        return bool(self._undone)

    def undo(self) -> None:
        """Take back the last change, wherever it was made."""
        if self._done:
            group = self._done.pop()
            self._undone.append(group)
            self._apply([Change(c.image, c.landmark, c.after, c.before) for c in reversed(group)])

    def redo(self) -> None:
        """Make the change again that was undone last."""
        if self._undone:
            group = self._undone.pop()
            self._done.append(group)
            self._apply(group)

    def close(self) -> None:
        """Save, and let go of the folder."""
        self.store.close()

    def _change(self, marks: Mapping[str, tuple[float, float] | None]) -> None:
        group = tuple(Change(self.image, name, self.marks.get(name), point) for name, point in marks.items())
        self._done.append(group)
        self._undone.clear()
        self._apply(group, turn=False)

    def _apply(self, group, turn: bool = True) -> None:
        image = group[0].image
        if turn and image != self.image:
            self.go(next(i for i, film in enumerate(self.store.films) if film.name == image))
        self._count_time()
        for change in group:
            self.store.mark(image, change.landmark, change.after)
        self.marked.emit(image)
        if turn:
            self._prompt(group[-1].landmark if group[-1].after is None else self._next_unmarked())

    def _count_time(self) -> None:
        """Count the time since the last act, or since the film was shown, as work on it."""
        from ..training.annotation_tables import FilmTime

        now = self._clock()
        spent, self._last = min(now - self._last, IDLE_S), now
        before = self.store.time(self.image)
        model = before.started_from if self.marks else self._proposed_by.get(self.image, "")
        self.store.set_time(self.image, FilmTime(before.seconds + spent, model))

    def _after(self, name: str) -> None:
        """Ask for the next landmark without a mark, in the order from this one on."""
        at = self.names.index(name) + 1
        rest = (*self.names[at:], *self.names[:at])
        self._prompt(next((n for n in rest if n not in self.marks), None))

    def _next_unmarked(self) -> str | None:
        return next((name for name in self.names if name not in self.marks), None)

    def _prompt(self, name: str | None) -> None:
        self.prompted, self.held = name, None
        self.prompts.emit()


@dataclass(frozen=True)
class Pace:
    """Films that were finished one way, and the mean seconds that each took."""

    films: int
    seconds: float


def paces(annotating: Annotating) -> dict[str, Pace]:
    """The pace with each model, and without one under "", over this annotator's finished films."""
    store, found = annotating.store, {}
    for film in store.films:
        spent = store.time(film.name)
        if annotating.state(film.name) == DONE and spent.seconds > 0:
            found.setdefault(spent.started_from, []).append(spent.seconds)
    return {model: Pace(len(s), sum(s) / len(s)) for model, s in sorted(found.items())}


def paces_in_words(found: Mapping[str, Pace]) -> str:
    """Seconds a film with and without a model, and what the model saves, in a line; "" before a film is finished."""
    without = found.get("")
    parts = [f"{without.seconds:.0f} s a film by hand ({without.films})"] if without else []
    for model, pace in found.items():
        if model:
            saved = f": {without.seconds - pace.seconds:.0f} s saved" if without else ""
            parts.append(f"{pace.seconds:.0f} s from {model} ({pace.films}){saved}")
    return "; ".join(parts) + "." if parts else ""
