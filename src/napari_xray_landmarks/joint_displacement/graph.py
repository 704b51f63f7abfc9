"""The graph of patches that look alike: mutual k nearest neighbours in feature space (paper 000, section 2.2)."""

from dataclasses import dataclass
from functools import cached_property

import numba
import numpy as np

_BLOCK = 512  # rows of the distance matrix held at a time


@dataclass(frozen=True, eq=False)
class PatchGraph:
    """Mutual nearest neighbours among training patches (nodes 0 to K̃ - 1) and test patches (the K nodes after them).

    Parameters
    ----------
    start, other : (N + 1,) and (E,) integer arrays
        Compressed rows of the symmetric, binary affinity S: node i touches `other[start[i]:start[i + 1]]`.
    nearest : (K, k) integer array
        The training patches nearest to each test patch, nearest first.
    nearest_distance : (K, k) array
        Their distances in feature space.
    train_count
        K̃.
    """

    start: np.ndarray
    other: np.ndarray
    nearest: np.ndarray
    nearest_distance: np.ndarray
    train_count: int

    @property
    def test_count(self) -> int:
        return len(self.nearest)

    @cached_property
    def degree(self) -> np.ndarray:
        """(N,) number of mutual neighbours of each node."""
        return np.diff(self.start)

    @property
    def isolated_share(self) -> float:
        """Part of the test patches that have no mutual neighbour at all."""
        return float(np.mean(self.degree[self.train_count:] == 0))


@dataclass(frozen=True, eq=False)
class NeighbourTable:
    """The k nearest other patches of each patch of one set: (K, k) indices and squared distances, nearest first."""

    index: np.ndarray
    distance2: np.ndarray


def neighbour_table(features: np.ndarray, k: int) -> NeighbourTable:
    """Nearest other patches within one set of (K, p) features; a model keeps it for its training patches."""
    return NeighbourTable(*nearest_rows(features, features, min(k, len(features) - 1), skip_diagonal=True))


def patch_graph(train: np.ndarray, test: np.ndarray, k: int, table: NeighbourTable | None = None) -> PatchGraph:
    """Link every two patches that are each among the other's k nearest, over training and test patches together.

    Parameters
    ----------
    train, test : (K̃, p) and (K, p) float32 arrays
        Patch features.
    k
        Neighbours considered; the paper uses 20.
    table
        `neighbour_table(train, at least k)`, where the training patches are used more than once.

    Raises
    ------
    ValueError
        With fewer than two patches of either kind.
    """
    if min(len(train), len(test)) < 2:
        raise ValueError(f"a patch graph needs two patches of each kind, got {len(train)} and {len(test)}")
    k = min(k, len(train) - 1)
    table = table or neighbour_table(train, k)
    to_train, from_train = _nearest_both_ways(test, train, k)
    to_test = nearest_rows(test, test, min(k, len(test) - 1), skip_diagonal=True)
    train_index, train_distance = _merge(table.index[:, :k], table.distance2[:, :k], *from_train, len(train), k)
    test_index, test_distance = _merge(*to_train, *to_test, len(train), k)
    lists = np.concatenate([train_index, test_index])
    start, other = _mutual(lists)
    return PatchGraph(start, other, to_train[0], np.sqrt(np.maximum(to_train[1], 0)), len(train))


def nearest_rows(queries, points, k, skip_diagonal=False):
    """The k nearest `points` of each of the `queries`: (Q, k) indices and squared distances, nearest first."""
    index = np.empty((len(queries), k), np.int32)
    distance2 = np.empty((len(queries), k), np.float32)
    for begin, squared in _distance_blocks(queries, points):
        if skip_diagonal:
            squared[np.arange(len(squared)), begin + np.arange(len(squared))] = np.inf
        rows = slice(begin, begin + len(squared))
        _smallest(squared, index[rows], distance2[rows])
    return index, distance2


def _nearest_both_ways(queries, points, k):
    """The k nearest points of each query, and the k nearest queries of each point, from one set of distances."""
    count = min(k, len(queries))
    index, distance2 = np.empty((len(queries), k), np.int32), np.empty((len(queries), k), np.float32)
    back = np.zeros((len(points), count), np.int32), np.full((len(points), count), np.inf, np.float32)
    for begin, squared in _distance_blocks(queries, points):
        rows = slice(begin, begin + len(squared))
        _smallest(squared, index[rows], distance2[rows])
        _smallest_in_columns(squared, begin, *back)
    return (index, distance2), back


def _distance_blocks(queries, points):
    """Squared distances of all queries to all points, some rows at a time, so that memory stays bounded."""
    norms = np.einsum("ij,ij->i", points, points)
    for begin in range(0, len(queries), _BLOCK):
        block = queries[begin:begin + _BLOCK]
        squared = block @ (-2 * points.T)
        squared += norms
        squared += np.einsum("ij,ij->i", block, block)[:, None]
        yield begin, squared


@numba.njit(cache=True, nogil=True)
def _smallest(values, index, smallest):
    count, k = values.shape[1], index.shape[1]
    for row in range(len(values)):
        best, at = smallest[row], index[row]
        best[:] = np.inf
        for j in range(count):
            value = values[row, j]
            if value < best[k - 1]:
                p = k - 1
                while p > 0 and best[p - 1] > value:
                    best[p] = best[p - 1]
                    at[p] = at[p - 1]
                    p -= 1
                best[p] = value
                at[p] = j


@numba.njit(cache=True, nogil=True)
def _smallest_in_columns(values, first_row, index, smallest):
    """Insert the rows of `values` into each column's list of its smallest entries so far."""
    k, chunk = index.shape[1], 256
    for begin in range(0, values.shape[1], chunk):
        end = min(begin + chunk, values.shape[1])
        limit = smallest[begin:end, k - 1].copy()
        for row in range(len(values)):
            line = values[row, begin:end]
            for column in range(end - begin):
                value = line[column]
                if value < limit[column]:
                    best, at = smallest[begin + column], index[begin + column]
                    p = k - 1
                    while p > 0 and best[p - 1] > value:
                        best[p] = best[p - 1]
                        at[p] = at[p - 1]
                        p -= 1
                    best[p] = value
                    at[p] = first_row + row
                    limit[column] = best[k - 1]


def _merge(train_index, train_distance, test_index, test_distance, train_count, k):
    """The k nearest of two neighbour lists; test patches are numbered after the training patches."""
    index = np.concatenate([train_index, test_index + train_count], axis=1)
    distance = np.concatenate([train_distance, test_distance], axis=1)
    order = np.argsort(distance, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(index, order, 1), np.take_along_axis(distance, order, 1)


@numba.njit(cache=True, nogil=True)
def _mutual(lists):
    count, k = lists.shape
    keep = np.zeros((count, k), np.bool_)
    start = np.zeros(count + 1, np.int64)
    for i in range(count):
        for a in range(k):
            j = lists[i, a]
            for b in range(k):
                if lists[j, b] == i:
                    keep[i, a] = True
                    start[i + 1] += 1
                    break
    start = np.cumsum(start)
    other = np.empty(start[-1], np.int32)
    for i in range(count):
        other[start[i]:start[i + 1]] = lists[i][keep[i]]
    return start, other
