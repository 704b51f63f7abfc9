"""Compiled linear algebra of the joint displacement solver: products with its matrix, and ways to solve with it."""

from typing import NamedTuple

import numba
import numpy as np

_UNDETERMINED = 1e-14  # of the ground truth's diagonal
_POWER_STEPS = 60


class System(NamedTuple):
    """The matrix A + γλ/(LK) QHQᵀ + δλ/(LK) QQᵀ without λ, which differs from column to column.

    `affinity` holds 2α/L times the entries of the trace-normalised S; `trust` the weight of each test patch.
    """

    start: np.ndarray
    other: np.ndarray
    affinity: np.ndarray
    train_count: int
    ground_truth: float
    chain: float
    landmark_offset: float
    formation: float
    trust: np.ndarray


@numba.njit(cache=True, fastmath=True)
def _common_product(system, x, out):
    """The part of the matrix that is the same for every column: ground truth, smooth mapping, patch offset."""
    count, columns = x.shape
    train = system.train_count
    for i in range(count):
        for m in range(columns):
            out[i, m] = system.ground_truth * x[i, m] if i < train else 0.0
        for e in range(system.start[i], system.start[i + 1]):
            j, weight = system.other[e], system.affinity[e]
            for m in range(columns):
                out[i, m] += weight * (x[i, m] - x[j, m])
    for k in range(len(system.trust) - 1):
        i = train + k
        weight = system.chain * min(system.trust[k], system.trust[k + 1])
        for m in range(columns):
            step = weight * (x[i, m] - x[i + 1, m])
            out[i, m] += step
            out[i + 1, m] -= step


@numba.njit(cache=True, fastmath=True)
def _test_mean(system, x):
    mean, total = np.zeros(x.shape[1]), 0.0
    for k in range(len(system.trust)):
        total += system.trust[k]
        for m in range(x.shape[1]):
            mean[m] += system.trust[k] * x[system.train_count + k, m]
    return mean / max(total, 1e-300)


@numba.njit(cache=True, fastmath=True)
def product(system, spectrum, held, x, out):
    """Matrix times (N, 2L) columns in the landmarks' eigenbasis; column m has eigenvalue `spectrum[m]`.

    Where `held[m]`, the test patches' entries of the column are given, and their rows of the result are zero.
    """
    _common_product(system, x, out)
    mean = _test_mean(system, x)
    for k in range(len(system.trust)):
        i = system.train_count + k
        for m in range(x.shape[1]):
            trust = system.trust[k] * spectrum[m]
            out[i, m] += trust * (system.landmark_offset * (x[i, m] - mean[m]) + system.formation * x[i, m])
            if held[m]:
                out[i, m] = 0.0


@numba.njit(cache=True, fastmath=True)
def _diagonal(system, spectrum):
    """The matrix's diagonal; what no term determines gets the ground truth's, so that it stays where it starts."""
    count = len(system.start) - 1
    out = np.zeros((count, len(spectrum)))
    for i in range(count):
        own = system.ground_truth if i < system.train_count else 0.0
        for e in range(system.start[i], system.start[i + 1]):
            own += system.affinity[e]
        k = i - system.train_count
        if k > 0:
            own += system.chain * min(system.trust[k - 1], system.trust[k])
        if 0 <= k < len(system.trust) - 1:
            own += system.chain * min(system.trust[k + 1], system.trust[k])
        for m in range(len(spectrum)):
            out[i, m] = own
            if k >= 0:
                out[i, m] += system.trust[k] * spectrum[m] * (system.landmark_offset + system.formation)
            if out[i, m] < _UNDETERMINED * system.ground_truth:
                out[i, m] = system.ground_truth
    return out


@numba.njit(cache=True, fastmath=True)
def _factor(system, diagonal, tridiagonal):
    """Factor the chain's tridiagonal matrix: pivots, and multipliers of the rows above (zero for Jacobi)."""
    pivots, lower = diagonal.copy(), np.zeros_like(diagonal)
    if tridiagonal:
        for k in range(1, len(system.trust)):
            i = system.train_count + k
            link = -system.chain * min(system.trust[k - 1], system.trust[k])
            for m in range(diagonal.shape[1]):
                lower[i, m] = link / pivots[i - 1, m]
                pivots[i, m] = max(diagonal[i, m] - link * lower[i, m], 1e-14 * diagonal[i, m])
    return pivots, lower


@numba.njit(cache=True, fastmath=True)
def _precondition(pivots, lower, first, r, z):
    count, columns = r.shape
    for i in range(count):
        for m in range(columns):
            z[i, m] = r[i, m]
            if i > first:
                z[i, m] -= lower[i, m] * z[i - 1, m]
    for i in range(count - 1, -1, -1):
        for m in range(columns):
            z[i, m] /= pivots[i, m]
            if i >= first and i < count - 1:
                z[i, m] -= lower[i + 1, m] * z[i + 1, m]


@numba.njit(cache=True, fastmath=True)
def _dots(a, b):
    out = np.zeros(a.shape[1])
    for i in range(a.shape[0]):
        for m in range(a.shape[1]):
            out[m] += a[i, m] * b[i, m]
    return out


@numba.njit(cache=True, fastmath=True)
def _steps(numerator, denominator):
    out = np.zeros_like(numerator)
    for m in range(len(out)):
        if denominator[m] > 0:
            out[m] = numerator[m] / denominator[m]
    return out


@numba.njit(cache=True, fastmath=True)
def conjugate_gradients(system, rhs, start, spectrum, held, tolerance, max_iterations, tridiagonal):
    """Solve every column of (N, 2L) `rhs` at once; returns the solution, the relative residual, the iterations.

    Entries that are `held` (see `product`) stay as in `start`; `rhs` must be zero there. A column rests once it is
    solved well within the tolerance: beyond that there are only rounding errors, along which the matrix may be flat.
    """
    x, z, q = start.copy(), np.empty_like(rhs), np.empty_like(rhs)
    pivots, lower = _factor(system, _diagonal(system, spectrum), tridiagonal)
    product(system, spectrum, held, x, q)
    r = rhs - q
    norm = max(np.sqrt(_dots(rhs, rhs).sum()), 1e-300)
    enough = (0.1 * tolerance * norm) ** 2 / x.shape[1]
    squared = _dots(r, r)
    residual = np.sqrt(squared.sum()) / norm
    _precondition(pivots, lower, system.train_count, r, z)
    p = z.copy()
    rz = _dots(r, z)
    iterations = 0
    while residual > tolerance and iterations < max_iterations:
        product(system, spectrum, held, p, q)
        step = np.where(squared > enough, _steps(rz, _dots(p, q)), 0.0)
        squared[:] = 0.0
        for i in range(len(x)):
            for m in range(len(step)):
                x[i, m] += step[m] * p[i, m]
                r[i, m] -= step[m] * q[i, m]
                squared[m] += r[i, m] * r[i, m]
        residual = np.sqrt(squared.sum()) / norm
        _precondition(pivots, lower, system.train_count, r, z)
        rz_new = _dots(r, z)
        turn = _steps(rz_new, rz)
        for i in range(len(x)):
            for m in range(len(turn)):
                p[i, m] = z[i, m] + turn[m] * p[i, m]
        rz = rz_new
        iterations += 1
    return x, residual, iterations


@numba.njit(cache=True, fastmath=True)
def gradient_descent(system, rhs, start, spectrum, tolerance, max_iterations):
    """Gradient descent with the constant step 1.9/λ_max (2/λ_max diverges); results as `conjugate_gradients`."""
    x, gradient, held = start.copy(), np.empty_like(rhs), np.zeros(len(spectrum), np.bool_)
    step = 1.9 / _largest_eigenvalue(system, spectrum, held, rhs.shape)
    norm = np.sqrt(_dots(rhs, rhs).sum())
    residual, iterations = np.inf, 0
    while iterations < max_iterations:
        product(system, spectrum, held, x, gradient)
        squared = 0.0
        for i in range(len(x)):
            for m in range(x.shape[1]):
                g = gradient[i, m] - rhs[i, m]
                x[i, m] -= step * g
                squared += g * g
        residual = np.sqrt(squared) / max(norm, 1e-300)
        iterations += 1
        if residual <= tolerance:
            break
    return x, residual, iterations


@numba.njit(cache=True, fastmath=True)
def _largest_eigenvalue(system, spectrum, held, shape):
    """By power iteration from the diagonal; the Rayleigh quotients come from below, within a few per cent."""
    x, y, largest = _diagonal(system, spectrum), np.empty(shape), 0.0
    for i in range(shape[0]):
        if i % 2:  # not along the eigenvector of zero
            x[i] *= -1.0
    for _ in range(_POWER_STEPS):
        product(system, spectrum, held, x, y)
        along, squared, grown = _dots(x, y), _dots(x, x), np.sqrt(_dots(y, y))
        largest = max(largest, _steps(along, squared).max())
        for i in range(shape[0]):
            for m in range(shape[1]):
                x[i, m] = y[i, m] / max(grown[m], 1e-300)
    return largest


@numba.njit(cache=True, fastmath=True)
def smoothness(start, other, weights, x):
    """Half the weighted sum over linked pairs of ‖x_i − x_j‖²: Tr(X Laplacian(S) Xᵀ)."""
    total = 0.0
    for i in range(len(start) - 1):
        for e in range(start[i], start[i + 1]):
            squared = 0.0
            for m in range(x.shape[1]):
                difference = x[i, m] - x[other[e], m]
                squared += difference * difference
            total += weights[e] * squared
    return total / 2


@numba.njit(cache=True, fastmath=True)
def link_distance2(start, other, x):
    """(E,) ‖x_i − x_j‖² of each link of the graph."""
    out = np.empty(len(other))
    for i in range(len(start) - 1):
        for e in range(start[i], start[i + 1]):
            squared = 0.0
            for m in range(x.shape[1]):
                difference = x[i, m] - x[other[e], m]
                squared += difference * difference
            out[e] = squared
    return out


@numba.njit(cache=True, fastmath=True)
def spread_from(displacements, index, centre):
    """(K, k, L) squared distances of the displacements of each patch's neighbours from its own (K, L, 2) `centre`."""
    out = np.empty((index.shape[0], index.shape[1], centre.shape[1]))
    for i in range(index.shape[0]):
        for j in range(index.shape[1]):
            for m in range(centre.shape[1]):
                by_row = displacements[index[i, j], m, 0] - centre[i, m, 0]
                by_column = displacements[index[i, j], m, 1] - centre[i, m, 1]
                out[i, j, m] = by_row * by_row + by_column * by_column
    return out
