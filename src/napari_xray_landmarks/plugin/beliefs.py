"""Belief maps behind a landmark layer: what a threshold or a stage changes without another search."""

from dataclasses import replace
from weakref import WeakKeyDictionary

import numpy as np

from .films import note, our_metadata
from .labels import names_of
from .results import response_name, results_of, show_response, update_landmarks
from .solving import shown

_DETECTIONS: WeakKeyDictionary = WeakKeyDictionary()
RESPONSE = "response"


def keep_beliefs(layer, detection) -> None:
    """Keep a detection for as long as its landmark layer lives, where its method has beliefs."""
    if getattr(detection, "beliefs", None) is not None:
        _DETECTIONS[layer] = detection
    else:
        _DETECTIONS.pop(layer, None)


def beliefs_of(layer):
    """The detection behind a landmark layer, or None where it has no beliefs."""
    return None if layer is None else _DETECTIONS.get(layer)


def threshold_of(layer) -> float:
    """The belief from which a layer's landmarks count as detected."""
    return float(our_metadata(layer)["settings"]["threshold"])


def apply_threshold(layer, threshold: float) -> None:
    """Call those landmarks detected that are believed in as much; those that a user placed stay detected."""
    beliefs = np.asarray(beliefs_of(layer).beliefs)
    placed = np.asarray(our_metadata(layer).get("by_hand") or np.zeros(len(beliefs)), dtype=bool)
    names = names_of(layer)
    landmarks = replace(shown(layer), detected=(beliefs >= threshold) | placed)
    update_landmarks(layer, landmarks, [name for name, by_hand in zip(names, placed, strict=True) if by_hand])
    note(layer, settings={**our_metadata(layer)["settings"], "threshold": float(threshold)})


def stage_count(detection) -> int:
    """How many stages were kept."""
    return len(getattr(detection, "stages", ()))


def show_belief(viewer, image, detection, landmark: str, stage: int | None = None):
    """Show the belief in a landmark over its film, in one layer for all of them; without `stage` the map that counts.

    Parameters
    ----------
    stage
        From 0.
    """
    response = detection.responses[landmark] if stage is None else detection.stages[stage][landmark]
    called = f"belief in {landmark}" + ("" if stage is None else f" · stage {stage + 1}")
    layer = belief_layer(viewer, image)
    layer = show_response(viewer, image, called, response, layer=layer)
    layer.contrast_limits_range = layer.contrast_limits = (0.0, 1.0)  # so that stages can be compared
    note(layer, belief=landmark)
    if layer.name != response_name(image.name, called):
        layer.name = response_name(image.name, called)
    return layer


def belief_layer(viewer, image):
    """The layer with the belief map that is shown over a film, or None."""
    return next((layer for layer in results_of(viewer, image, RESPONSE) if "belief" in our_metadata(layer)), None)
