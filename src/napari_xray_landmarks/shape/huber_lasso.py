"""The convex part of sparse shape composition, solved exactly: a lasso with Huber's loss, which is what a sparse error
comes to."""

import numpy as np
from numba import njit

_LETS_GO, _NEWTON, _EXACT = 1000, 50, 1e-9


def solve(target, atoms, weights, lambda_shape: float, lambda_outlier, start=None) -> tuple[np.ndarray, np.ndarray]:
    """Minimise over x and e: sum_i w_i (t_i - (A^T x)_i - e_i)^2 + lambda_shape |x|_1 + lambda_outlier |e|_1.

    An active set, as in feature-sign search (Lee et al. 2007): the x that violates its optimality condition most is let
    go from zero, then Newton steps with exact line searches find the minimum over those that are free, whose signs stay
    and which are fixed again where they come to zero. It ends when all conditions hold to 1e-9.

    Parameters
    ----------
    target, weights : (n,) arrays
    atoms : (K, n) array
    lambda_shape
    lambda_outlier
        One number, or (n,).
    start : (K,) array, optional
        Where to start from; only the time depends on it. By default the one atom that comes nearest.

    Returns
    -------
    x : (K,) array
    e : (n,) array
    """
    target, weights = np.asarray(target, float), np.asarray(weights, float)
    atoms = np.ascontiguousarray(atoms, float)
    bound = lambda_outlier / np.maximum(2 * weights, 1e-300)
    if start is None:
        off = np.abs(target - atoms)
        near = np.minimum(off, bound)
        cost = (weights * near * (2 * off - near)).sum(1)
        x = (np.arange(len(atoms)) == cost.argmin()).astype(float)
    else:
        x = np.array(start, float)
    residual = _solve(target, atoms, weights, bound, lambda_shape, x)
    return x, np.sign(residual) * np.maximum(np.abs(residual) - bound, 0.0)


@njit(cache=True)
def _solve(target, atoms, weights, bound, penalty, x):
    """Solves for x in place, gives the residual."""
    signs = np.sign(x)
    residual = target - x @ atoms
    for _ in range(_LETS_GO):
        for _ in range(_NEWTON):
            if not _newton_step(atoms, weights, bound, penalty, x, signs, residual):
                break
        slope = _slopes(atoms, weights, bound, residual)
        worst, most = -1, penalty * (1 + _EXACT)
        for k in range(len(x)):
            if signs[k] == 0 and abs(slope[k]) > most:
                worst, most = k, abs(slope[k])
        if worst < 0:
            break
        signs[worst] = np.sign(slope[worst])
    return residual


@njit(cache=True)
def _newton_step(atoms, weights, bound, penalty, x, signs, residual):
    """One step, in place, towards the minimum over the free x; False where they are there."""
    free = np.flatnonzero(signs)
    rows = atoms[free]
    slope, most = _slopes(rows, weights, bound, residual), 0.0
    for i, k in enumerate(free):
        slope[i] -= penalty * signs[k]
        most = max(most, abs(slope[i]))
    if most <= 0.1 * _EXACT * penalty:
        return False
    step = _solved(_information(rows, weights, bound, residual), slope)
    longest, first = _limited(step, x, signs, free)
    along, rise = np.zeros(len(residual)), 0.0
    for i, k in enumerate(free):
        along += step[i] * rows[i]
        rise += penalty * step[i] * signs[k]
    length = _line_search(residual, along, weights, bound, rise, longest)
    for i, k in enumerate(free):
        x[k] += length * step[i]
    if first >= 0 and length == longest:
        x[free[first]] = 0.0
    for k in free:
        if x[k] == 0.0:
            signs[k] = 0.0
    residual -= length * along
    return True


@njit(cache=True, fastmath=True)
def _slopes(rows, weights, bound, residual):
    """Minus the gradient of the smooth part by the x of these rows."""
    slopes = np.zeros(len(rows))
    for i in range(len(rows)):
        for n in range(len(residual)):
            slopes[i] += 2 * weights[n] * min(max(residual[n], -bound[n]), bound[n]) * rows[i, n]
    return slopes


@njit(cache=True, fastmath=True)
def _information(rows, weights, bound, residual):
    """Second derivatives by the x of these rows, made definite: residuals beyond the bound have none."""
    count, trace = len(rows), 0.0
    matrix = np.zeros((count, count))
    for i in range(count):
        weighed = np.where(np.abs(residual) <= bound, 2 * weights * rows[i], 0.0)
        for j in range(i + 1):
            total = 0.0
            for n in range(len(weighed)):
                total += weighed[n] * rows[j, n]
            matrix[i, j] = matrix[j, i] = total
        trace += matrix[i, i]
    for i in range(count):
        matrix[i, i] += 1e-13 * trace / count + 1e-300
    return matrix


@njit(cache=True, fastmath=True)
def _solved(matrix, right):
    """The solution of a positive definite system, by Cholesky; LAPACK's takes five seconds more to compile."""
    count = len(right)
    answer = right.copy()
    for i in range(count):
        for j in range(i + 1):
            total = matrix[i, j]
            for k in range(j):
                total -= matrix[i, k] * matrix[j, k]
            if i == j:
                matrix[i, i] = np.sqrt(max(total, 1e-300))
            else:
                matrix[i, j] = total / matrix[j, j]
        for k in range(i):
            answer[i] -= matrix[i, k] * answer[k]
        answer[i] /= matrix[i, i]
    for i in range(count - 1, -1, -1):
        for k in range(i + 1, count):
            answer[i] -= matrix[k, i] * answer[k]
        answer[i] /= matrix[i, i]
    return answer


@njit(cache=True)
def _limited(step, x, signs, free):
    """How far the step can go, 1 at most, until an x comes to zero, and which; one at zero takes only its own way."""
    longest, first = 1.0, -1
    for i, k in enumerate(free):
        if step[i] * signs[k] >= 0:
            continue
        if x[k] == 0.0:
            step[i] = 0.0
        elif -x[k] / step[i] <= longest:
            longest, first = -x[k] / step[i], i
    return longest, first


@njit(cache=True, fastmath=True)
def _line_search(residual, along, weights, bound, penalty, longest):
    """The length in [0, longest] at which the objective along a direction is least: where its slope is zero."""
    low, high = 0.0, longest
    at_low = _slope_at(residual, along, weights, bound, penalty, low)
    at_high = _slope_at(residual, along, weights, bound, penalty, high)
    if at_high <= 0:
        return longest
    least, middle = 1e-14 * abs(at_low), longest
    for _ in range(100):
        middle = (low * at_high - high * at_low) / (at_high - at_low)
        here = _slope_at(residual, along, weights, bound, penalty, middle)
        if abs(here) <= least:
            break
        if here < 0:
            low, at_low, at_high = middle, here, 0.5 * at_high
        else:
            high, at_high, at_low = middle, here, 0.5 * at_low
    return middle


@njit(cache=True, fastmath=True)
def _slope_at(residual, along, weights, bound, penalty, length):
    total = penalty
    for i in range(len(residual)):
        off = residual[i] - length * along[i]
        total -= 2 * weights[i] * min(max(off, -bound[i]), bound[i]) * along[i]
    return total
