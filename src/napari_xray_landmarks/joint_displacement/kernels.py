"""Compiled linear algebra of the joint displacement solver: products with its matrix, and ways to solve with it."""

from typing import NamedTuple

import numba
import numpy as np

WIDTH = 8  # columns solved at once: rows and columns of four landmarks, a width that the compiler can make use of
_UNDETERMINED = 1e-14  # of the ground truth's diagonal
_LEAST_PIVOT = 1e-8  # of a row's diagonal: where the chain alone says nothing, its last pivot is rounding
_POWER_STEPS = 60


class System(NamedTuple):
    """The matrix A + γλ/(LK) QHQᵀ + δλ/(LK) QQᵀ without λ, which differs from column to column.

    `affinity` holds 2α/L times the entries of the trace-normalised S, `degree` their sum for each patch; `trust` the
    weight of each test patch.
    """

    start: np.ndarray
    other: np.ndarray
    affinity: np.ndarray
    degree: np.ndarray
    train_count: int
    ground_truth: float
    chain: float
    landmark_offset: float
    formation: float
    trust: np.ndarray


@numba.njit(cache=True, nogil=True)
def row_sums(start, values):
    """(N,) sums of the values of each patch's links."""
    out = np.zeros(len(start) - 1)
    for i in range(len(out)):
        for e in range(start[i], start[i + 1]):
            out[i] += values[e]
    return out


@numba.njit(cache=True, fastmath=True, nogil=True)
def _test_mean(system, x, mean):
    """The trusted mean of the test patches' rows."""
    total = 0.0
    mean[:] = 0.0
    for k in range(len(system.trust)):
        trust = system.trust[k]
        total += trust
        for m in range(WIDTH):
            mean[m] += trust * x[system.train_count + k, m]
    mean /= max(total, 1e-300)


@numba.njit(cache=True, fastmath=True, nogil=True)
def _product(system, spectrum, held, x, mean, out):
    """Matrix times (N, 8) columns in the landmarks' eigenbasis; column m has eigenvalue `spectrum[m]`.

    Where `held[m]`, the test patches' entries of the column are given, and their rows of the result are zero. `mean` is
    scratch. Each loop is simple enough for the compiler to take eight columns at a time.
    """
    _rows_product(system, x, out)
    for k in range(len(system.trust) - 1):
        i, weight = system.train_count + k, system.chain * min(system.trust[k], system.trust[k + 1])
        for m in range(WIDTH):
            step = weight * (x[i, m] - x[i + 1, m])
            out[i, m] += step
            out[i + 1, m] -= step
    _test_mean(system, x, mean)
    for k in range(len(system.trust)):
        i, trust = system.train_count + k, system.trust[k]
        for m in range(WIDTH):
            pull = system.landmark_offset * (x[i, m] - mean[m]) + system.formation * x[i, m]
            out[i, m] += trust * spectrum[m] * pull
    for m in range(WIDTH):
        if held[m]:
            out[system.train_count:, m] = 0.0


@numba.njit(cache=True, fastmath=True, nogil=True)
def _rows_product(system, x, out):
    """Ground truth and smooth mapping: what links a patch to those that look like it."""
    for i in range(len(x)):
        own = system.degree[i] + (system.ground_truth if i < system.train_count else 0.0)
        for m in range(WIDTH):
            out[i, m] = own * x[i, m]
        for e in range(system.start[i], system.start[i + 1]):
            j, weight = system.other[e], system.affinity[e]
            for m in range(WIDTH):
                out[i, m] -= weight * x[j, m]


@numba.njit(cache=True, fastmath=True, nogil=True)
def _dots(a, b, out):
    out[:] = 0.0
    for i in range(len(a)):
        for m in range(WIDTH):
            out[m] += a[i, m] * b[i, m]


@numba.njit(cache=True, fastmath=True, nogil=True)
def _diagonal(system, spectrum):
    """The matrix's diagonal; what no term determines gets the ground truth's, so that it stays where it starts."""
    test, last = len(system.trust), len(system.trust) - 1
    out = np.empty((system.train_count + test, WIDTH))
    for i in range(len(out)):
        own = system.degree[i] + (system.ground_truth if i < system.train_count else 0.0)
        k = i - system.train_count
        trust = system.trust[k] if k >= 0 else 0.0
        if k > 0:
            own += system.chain * min(system.trust[k - 1], trust)
        if 0 <= k < last:
            own += system.chain * min(system.trust[k + 1], trust)
        for m in range(WIDTH):
            value = own + trust * spectrum[m] * (system.landmark_offset + system.formation)
            out[i, m] = value if value >= _UNDETERMINED * system.ground_truth else system.ground_truth
    return out


@numba.njit(cache=True, fastmath=True, nogil=True)
def _factor(system, spectrum, tridiagonal):
    """Factor the chain's tridiagonal matrix: reciprocal pivots, and multipliers of the rows above (zero for Jacobi)."""
    pivots = _diagonal(system, spectrum)
    lower = np.zeros_like(pivots)
    for i in range(len(pivots)):
        k = i - system.train_count
        link = -system.chain * min(system.trust[k - 1], system.trust[k]) if tridiagonal and k > 0 else 0.0
        for m in range(WIDTH):
            diagonal = pivots[i, m]
            if link != 0.0:
                lower[i, m] = link * pivots[i - 1, m]
                diagonal = max(diagonal - link * lower[i, m], _LEAST_PIVOT * diagonal)
            pivots[i, m] = 1.0 / diagonal
    return pivots, lower


@numba.njit(cache=True, fastmath=True, nogil=True)
def _advance(step, p, q, lower, x, r, z, squared):
    """A step along `p`, whose product is `q`; the new residual's squares, and the preconditioner's way down."""
    squared[:] = 0.0
    for i in range(len(x)):
        above = max(i - 1, 0)
        for m in range(WIDTH):
            x[i, m] += step[m] * p[i, m]
            left = r[i, m] - step[m] * q[i, m]
            r[i, m] = left
            squared[m] += left * left
            z[i, m] = left - lower[i, m] * z[above, m]


@numba.njit(cache=True, fastmath=True, nogil=True)
def _climb(pivots, lower, r, z, rz):
    """The preconditioner's way up; the dot product of the residual with the result."""
    last = len(r) - 1
    rz[:] = 0.0
    for i in range(last, -1, -1):
        below = min(i + 1, last)
        for m in range(WIDTH):
            value = z[i, m] * pivots[i, m] - (lower[below, m] * z[below, m] if i < last else 0.0)
            z[i, m] = value
            rz[m] += r[i, m] * value


@numba.njit(cache=True, fastmath=True, nogil=True)
def _steps(numerator, denominator):
    out = np.zeros_like(numerator)
    for m in range(len(out)):
        if denominator[m] > 0:
            out[m] = numerator[m] / denominator[m]
    return out


@numba.njit(cache=True, fastmath=True, nogil=True)
def conjugate_gradients(system, rhs, start, spectrum, held, enough, max_iterations, tridiagonal):
    """Solve eight columns at once; returns the solution, the norm of the residual, the iterations.

    Entries that are `held` (see `_product`) stay as in `start`; `rhs` must be zero there. A column rests once it is
    solved well within `enough`, the norm to reach: beyond that there are only rounding errors, along which the matrix
    may be flat.

    Parameters
    ----------
    system
    rhs, start : (N, 8) arrays
    spectrum, held : (8,) arrays
    enough
        Norm of the residual at which to stop.
    max_iterations
    tridiagonal
        Whether to precondition with the chain of patch offsets, not only with the diagonal.
    """
    x, r, z, p, q = start.copy(), rhs.copy(), np.zeros_like(rhs), np.zeros_like(rhs), np.empty_like(rhs)
    mean, pq, squared, rz, rz_new = np.zeros(WIDTH), np.zeros(WIDTH), np.zeros(WIDTH), np.ones(WIDTH), np.zeros(WIDTH)
    pivots, lower = _factor(system, spectrum, tridiagonal)
    rest = (0.1 * enough) ** 2 / WIDTH
    _product(system, spectrum, held, x, mean, q)
    step = np.ones(WIDTH)  # a step of one along nothing takes the product off the right-hand side
    iterations = -1
    while True:
        _advance(step, p, q, lower, x, r, z, squared)
        iterations += 1
        residual = np.sqrt(squared.sum())
        if residual <= enough or iterations >= max_iterations:
            return x, residual, iterations
        _climb(pivots, lower, r, z, rz_new)
        turn = _steps(rz_new, rz) if iterations else np.zeros(WIDTH)
        rz[:] = rz_new
        for i in range(len(x)):
            for m in range(WIDTH):
                p[i, m] = z[i, m] + turn[m] * p[i, m]
        _product(system, spectrum, held, p, mean, q)
        _dots(p, q, pq)
        step = np.where(squared > rest, _steps(rz, pq), 0.0)


@numba.njit(cache=True, fastmath=True, nogil=True)
def gradient_descent(system, rhs, start, spectrum, enough, max_iterations):
    """Gradient descent with the constant step 1.9/λ_max (2/λ_max diverges); results as `conjugate_gradients`."""
    x, gradient, held = start.copy(), np.empty_like(rhs), np.zeros(WIDTH, np.bool_)
    mean = np.zeros(WIDTH)
    step = 1.9 / _largest_eigenvalue(system, spectrum, held, len(rhs))
    residual, iterations = np.inf, 0
    while residual > enough and iterations < max_iterations:
        _product(system, spectrum, held, x, mean, gradient)
        squared = 0.0
        for i in range(len(x)):
            for m in range(WIDTH):
                g = gradient[i, m] - rhs[i, m]
                x[i, m] -= step * g
                squared += g * g
        residual = np.sqrt(squared)
        iterations += 1
    return x, residual, iterations


@numba.njit(cache=True, fastmath=True, nogil=True)
def _largest_eigenvalue(system, spectrum, held, count):
    """By power iteration from the diagonal; the Rayleigh quotients come from below, within a few per cent."""
    x, y, largest = _diagonal(system, spectrum), np.empty((count, WIDTH)), 0.0
    mean, along, squared, grown = np.zeros(WIDTH), np.zeros(WIDTH), np.zeros(WIDTH), np.zeros(WIDTH)
    for i in range(1, count, 2):  # not along the eigenvector of zero
        x[i] *= -1.0
    for _ in range(_POWER_STEPS):
        _product(system, spectrum, held, x, mean, y)
        _dots(x, y, along)
        _dots(x, x, squared)
        _dots(y, y, grown)
        largest = max(largest, _steps(along, squared).max())
        for i in range(count):
            for m in range(WIDTH):
                x[i, m] = y[i, m] / max(np.sqrt(grown[m]), 1e-300)
    return largest


@numba.njit(cache=True, fastmath=True, nogil=True)
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


@numba.njit(cache=True, fastmath=True, nogil=True)
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


@numba.njit(cache=True, fastmath=True, nogil=True)
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
