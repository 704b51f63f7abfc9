"""The world frame of a layer, from the attributes that napari hands to readers and writers (no napari import)."""

import numpy as np

KEY = "napari_xray_landmarks"
"""Under which a layer's metadata holds our notes."""

LayerData = tuple[object, dict, str]

MM_PER = {
    "mm": 1.0, "millimeter": 1.0, "millimetre": 1.0, "cm": 10.0, "centimeter": 10.0, "m": 1e3, "meter": 1e3,
    "um": 1e-3, "µm": 1e-3, "micron": 1e-3, "micrometer": 1e-3, "nm": 1e-6, "nanometer": 1e-6,
}


def metadata_of(attributes: dict) -> dict:
    """What we noted about a layer; empty where it is not ours."""
    notes = (attributes.get("metadata") or {}).get(KEY)
    return dict(notes) if isinstance(notes, dict) else {}


def world_from_data(attributes: dict, ndim: int) -> np.ndarray:
    """(ndim + 1, ndim + 1) affine that napari composes: affine @ translate @ rotate @ shear @ scale.

    Parameters
    ----------
    attributes
        A layer's `scale`, `translate`, `rotate`, `shear` and `affine`, each optional, in any form that napari takes.
    ndim
        Axes of the layer's data.
    """
    linear = _rotation(attributes.get("rotate"), ndim) @ _shear(attributes.get("shear"), ndim) @ np.diag(
        _vector(attributes.get("scale"), ndim, 1.0))
    physical = np.eye(ndim + 1)
    physical[:ndim, :ndim] = linear
    physical[:ndim, ndim] = _vector(attributes.get("translate"), ndim, 0.0)
    return _affine(attributes.get("affine"), ndim) @ physical


def mm_per_unit(attributes: dict, ndim: int) -> np.ndarray | None:
    """(ndim,) mm per world unit of each axis, or None where the units are pixels."""
    units = attributes.get("units")
    if units is None:
        return None
    names = [units] * ndim if isinstance(units, str) else list(units)[-ndim:]
    factors = [MM_PER.get(str(name)) for name in names]
    return None if len(factors) != ndim or None in factors else np.array(factors)


def mm_from_data(attributes: dict, ndim: int) -> np.ndarray | None:
    """`world_from_data` in mm, or None where the units are pixels."""
    factors = mm_per_unit(attributes, ndim)
    return None if factors is None else np.diag([*factors, 1.0]) @ world_from_data(attributes, ndim)


def transformed(matrix: np.ndarray, points) -> np.ndarray:
    """(N, d) points after a (d + 1, d + 1) affine."""
    points = np.asarray(points, dtype=float)
    return points @ matrix[:-1, :-1].T + matrix[:-1, -1]


def spacing_of(matrix: np.ndarray) -> np.ndarray:
    """World units per pixel along each data axis."""
    linear = matrix[:-1, :-1]
    if np.count_nonzero(linear - np.diag(np.diag(linear))) == 0:
        return np.abs(np.diag(linear))
    return np.linalg.norm(linear, axis=0)


def layer_name(attributes: dict) -> str:
    """What a layer is called."""
    return str(attributes.get("name") or "layer")


def _vector(values, ndim: int, fill: float) -> np.ndarray:
    vector = np.full(ndim, fill)
    if values is not None and np.size(values):
        values = np.atleast_1d(np.asarray(values, dtype=float))[-ndim:]
        vector[ndim - len(values):] = values
    return vector


def _embedded(matrix, ndim: int) -> np.ndarray:
    matrix = np.asarray(matrix, dtype=float)[-ndim:, -ndim:]
    whole = np.eye(ndim)
    whole[ndim - len(matrix):, ndim - len(matrix):] = matrix
    return whole


def _rotation(rotate, ndim: int) -> np.ndarray:
    if rotate is None:
        return np.eye(ndim)
    rotate = np.asarray(rotate, dtype=float)
    if rotate.ndim == 2:
        return _embedded(rotate, ndim)
    if rotate.size == 1:
        return _embedded(_plane_rotation(float(rotate.reshape(-1)[0])), ndim)
    first, second, third = (_plane_rotation(angle) for angle in rotate)
    alpha, beta, gamma = np.eye(3), np.eye(3), np.eye(3)
    alpha[:2, :2], gamma[1:, 1:] = first, third
    beta[np.ix_([0, 2], [0, 2])] = second.T
    return _embedded(alpha @ beta @ gamma, ndim)


def _plane_rotation(angle_deg: float) -> np.ndarray:
    cosine, sine = np.cos(np.deg2rad(angle_deg)), np.sin(np.deg2rad(angle_deg))
    return np.array([[cosine, -sine], [sine, cosine]])


def _shear(shear, ndim: int) -> np.ndarray:
    if shear is None or np.size(shear) == 0:
        return np.eye(ndim)
    shear = np.asarray(shear, dtype=float)
    if shear.ndim == 2:
        return _embedded(shear, ndim)
    size = int((np.sqrt(8 * shear.size + 1) + 1) / 2)
    matrix = np.eye(size)
    matrix[np.triu_indices(size, 1)] = shear
    return _embedded(matrix, ndim)


def _affine(affine, ndim: int) -> np.ndarray:
    whole = np.eye(ndim + 1)
    if affine is None:
        return whole
    affine = np.asarray(getattr(affine, "affine_matrix", affine), dtype=float)
    size = min(affine.shape[1] - 1, ndim)
    block = affine[affine.shape[1] - 1 - size:affine.shape[1] - 1, -size - 1:]
    whole[ndim - size:ndim, ndim - size:] = block
    return whole
