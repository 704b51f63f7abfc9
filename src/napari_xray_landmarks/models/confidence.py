"""The confidence of landmarks as a calibration on one's own films corrects it: temperature scaling."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

KEY = "temperature"
READ_BY_OTHERS = ("bipartite-spine",)
"""Methods whose confidence keeps its own meaning, since the uncertainty of Cobb angles is computed from it."""


def tempered(confidence, temperature: float) -> np.ndarray:
    """Confidences with their log odds divided by a temperature; the order stays (Guo et al., ICML 2017)."""
    p = np.clip(np.asarray(confidence, float), 1e-6, 1 - 1e-6)
    return 1 / (1 + np.exp(-np.log(p / (1 - p)) / temperature))


def temperature_of(header) -> float:
    """The temperature in a model's header; 1, which changes nothing, where there is none that can be used."""
    values = header.extra.get(KEY, {})
    value = values.get(KEY) if isinstance(values, Mapping) else None
    usable = isinstance(value, int | float) and not isinstance(value, bool) and 0.01 < value < 100
    return float(value) if usable and header.method not in READ_BY_OTHERS else 1.0


def calibrated(header, confidence) -> np.ndarray:
    """What a model's confidences are told as: tempered where its header has a temperature."""
    heat = temperature_of(header)
    return np.asarray(confidence, float) if heat == 1.0 else tempered(confidence, heat)


def told(header, detection):
    """A detection with its confidences calibrated; which landmarks count as detected stays as the method says."""
    if temperature_of(header) == 1.0:
        return detection
    landmarks = detection.landmarks
    return replace(detection, landmarks=replace(landmarks, confidence=calibrated(header, landmarks.confidence)))
