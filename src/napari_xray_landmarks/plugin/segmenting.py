"""Between the dock and the methods: segment films, and put what was found on them."""

from collections.abc import Iterable
from dataclasses import dataclass

from ..errors import InputError
from ..shape.measures import label_image
from .outlines import (
    contour_of,
    labels_of,
    show_labels,
    show_segmentation,
    update_segmentation,
    vertices_layer_of,
)
from .reshaping import LiveSegmentation, vertex_names
from .results import moved_by_hand
from .session import recall, remember
from .solving import Search, each


@dataclass(frozen=True, eq=False)
class Segmented:
    """What a search came to: the film, and the outlines that sliders and corrections go on from."""

    search: Search
    live: LiveSegmentation

    @property
    def parts(self) -> tuple:
        """What can be found or not."""
        return (*self.live.found.bones, *self.live.found.circles)


def segment_in(searches: list[Search], model_path: str, settings, progress
               ) -> tuple[list[Segmented], list[InputError]]:
    """Segment images one after the other; one that cannot be segmented does not stop the others."""
    from ..models import load_model

    progress(0.0, "loading the model")
    model = load_model(model_path)

    def segment(search: Search, part) -> Segmented:
        found = model.segment(search.film, settings, progress=part)
        names = vertex_names(found)
        kept = {name: point for name, point in search.corrections.items() if name in names}
        return Segmented(search, LiveSegmentation(model, search.film, found, settings, kept))

    return each(searches, segment, progress, "segmenting")


def show_found(viewer, segmented: Segmented) -> None:
    """Put outlines on their image, and keep what corrections need."""
    live, image = segmented.live, segmented.search.image
    header = live.model.header
    show_segmentation(viewer, image, live.now, model=header.name, version=header.package_version,
                      settings=live.settings)
    if live.corrections:
        update_segmentation(viewer, image, live.now, live.corrections)
    if labels_of(viewer, image) is not None:
        show_labels(viewer, image, label_image(live.now, live.film.shape)[0])
    if (contour := contour_of(viewer, image)) is not None:
        remember(contour, live)


def live_of(viewer, image) -> LiveSegmentation | None:
    """The segmentation behind an image's outlines; None where there are none, or they are from another session."""
    contour = contour_of(viewer, image) if image is not None else None
    return recall(contour) if contour is not None else None


def changes_of(viewer, image) -> tuple[dict[str, tuple[float, float]], bool]:
    """Vertices that a user placed on an image, and whether modes were moved by hand."""
    live, layer = live_of(viewer, image), vertices_layer_of(viewer, image)
    corrections = {**(live.corrections if live else {}), **(moved_by_hand(layer) if layer is not None else {})}
    return corrections, bool(live and live.deviations)


def in_words(changes: Iterable[tuple[dict, bool]]) -> str:
    """What a user did to outlines, as `changes_of` tells it, as the beginning of a sentence."""
    changes = list(changes)
    count = sum(len(corrections) for corrections, _ in changes)
    parts = [f"{count} {'vertex was' if count == 1 else 'vertices were'} placed"] if count else []
    parts += ["modes of the shape were moved"] if any(explored for _, explored in changes) else []
    return " and ".join(parts).capitalize()
