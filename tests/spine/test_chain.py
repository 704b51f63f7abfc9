"""The best chain of vertebrae among candidates."""

import numpy as np
import pytest

pytest.importorskip("torch")

from napari_xray_landmarks.spine.chain import best_chain, candidates, completed, spacing_of  # noqa: E402

LEVELS = 17
HEIGHT, WIDTH, STEP = 20.0, 32.0, 28.0


def spine(first=30.0):
    """(17, 4, 2) corners of a straight, slightly leaning spine."""
    centres = np.stack([first + STEP * np.arange(LEVELS), 100 + 2.0 * np.arange(LEVELS)], -1)
    box = np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]]) * [HEIGHT / 2, WIDTH / 2]
    return centres[:, None] + box


SPACING = np.full(LEVELS - 1, STEP / HEIGHT)


def told(numbers, shift=0, spread=1.0):
    """What a network says of the level: a bell around the true one, moved by `shift`."""
    distance = np.arange(LEVELS)[None] - np.asarray(numbers)[:, None] - shift
    p = np.exp(-0.5 * (distance / spread) ** 2)
    return p / p.sum(1, keepdims=True)


def test_a_clear_spine_is_found_whole():
    corners = spine()
    order = np.random.default_rng(0).permutation(LEVELS)
    chain = best_chain(np.full(LEVELS, 0.9), corners[order], told(order), SPACING)
    assert chain.found.all() and chain.score > 0
    assert chain.corners == pytest.approx(corners)


def test_each_level_is_taken_once_and_in_order_whatever_single_candidates_say():
    corners, level = spine(), told(range(LEVELS))
    level[5], level[9] = level[4], level[2]  # a repeated level and a wild one
    chain = best_chain(np.full(LEVELS, 0.9), corners, level, SPACING)
    assert chain.corners == pytest.approx(corners)


def test_false_candidates_beside_and_between_are_left_out():
    corners = spine()
    false = np.concatenate([corners[3:4] + [0, 70], corners[8:9] + [STEP / 2, 0]])
    level = told([*range(LEVELS), 3, 8])
    chain = best_chain(np.r_[np.full(LEVELS, 0.8), 0.6, 0.5], np.concatenate([corners, false]), level, SPACING)
    assert chain.corners == pytest.approx(corners)


def test_a_vertebra_without_a_candidate_is_put_in_between():
    corners = spine()
    kept = [i for i in range(LEVELS) if i != 7]
    chain = best_chain(np.full(16, 0.9), corners[kept], told(kept), SPACING)
    assert not chain.found[7] and chain.found.sum() == 16
    assert chain.corners == pytest.approx(corners, abs=1e-6)


def test_a_cropped_spine_keeps_its_levels_and_goes_on_beyond_the_film():
    corners = spine()
    shown = list(range(4, 13))
    chain = best_chain(np.full(9, 0.9), corners[shown], told(shown, spread=0.7), SPACING)
    assert np.flatnonzero(chain.found).tolist() == shown
    assert chain.corners == pytest.approx(corners, abs=1e-6)


def test_nothing_is_found_in_nothing():
    chain = best_chain(np.empty(0), np.empty((0, 4, 2)), np.empty((0, LEVELS)), SPACING)
    assert not chain.found.any() and np.isnan(chain.corners).all() and chain.score < 0


def test_faint_scattered_candidates_are_no_spine():
    rng = np.random.default_rng(1)
    corners = spine()[rng.integers(0, LEVELS, 12)] + rng.uniform(-150, 150, (12, 1, 2))
    level = rng.dirichlet(np.ones(LEVELS), 12)
    chain = best_chain(rng.uniform(0.03, 0.1, 12), corners, level, SPACING)
    assert chain.score < best_chain(np.full(LEVELS, 0.9), spine(), told(range(LEVELS)), SPACING).score / 4


def test_candidates_are_peaks_with_what_is_said_there():
    centre = np.zeros((16, 8))
    centre[4, 3], centre[4, 4], centre[10, 2], centre[0, 0] = 0.9, 0.5, 0.7, 0.01
    offsets = np.zeros((4, 2, 16, 8))
    offsets[3, 1, 4, 3] = 2.0
    levels = np.random.default_rng(0).random((LEVELS, 16, 8))
    probability, corners, level = candidates(centre, offsets, levels, 4)
    assert probability.tolist() == [0.9, 0.7]
    assert corners[0, 0].tolist() == [17.5, 13.5] and corners[0, 3].tolist() == [17.5, 21.5]
    assert (level[1] == levels[:, 10, 2]).all()


def test_spacing_is_learnt_in_heights():
    films = [type("Film", (), {"corners": spine() * scale})() for scale in (1.0, 3.0)]
    step = np.hypot(STEP, 2.0)
    assert spacing_of(films) == pytest.approx(np.full(LEVELS - 1, step / HEIGHT), rel=1e-5)


def test_one_vertebra_is_not_enough_to_go_on_from():
    corners = np.full((5, 4, 2), np.nan)
    corners[2] = spine()[2]
    assert np.isnan(completed(corners)[0]).all()
