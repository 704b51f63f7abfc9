"""What is laid over the film."""

import numpy as np
import pytest

from napari_xray_landmarks.drr.live import live_volume
from napari_xray_landmarks.drr.render import render
from napari_xray_landmarks.drr.scene import scene
from napari_xray_landmarks.drr.simulate import simulate
from napari_xray_landmarks.imaging import Radiograph
from napari_xray_landmarks.registration.verify import compare, edges_of, in_the_look_of


def test_at_the_true_pose_it_looks_like_the_film(ct, arm):
    film = simulate(scene(ct), arm)
    right = compare(film, ct, arm.camera())
    wrong = compare(film, ct, arm.camera().moved((0, 0, 0), (20, 0, 15), (0, 0, 0)))
    off = [np.abs(c.drr - c.film)[c.usable].mean() for c in (right, wrong)]
    assert off[0] < 0.5 * off[1] and right.ncc > 0.8 > wrong.ncc
    assert right.drr.min() >= film.pixels.min() and right.drr.max() <= film.pixels.max()
    inverted = compare(Radiograph(4095 - film.pixels.astype(float)), ct, arm.camera())
    assert np.abs(inverted.drr - inverted.film)[inverted.usable].mean() < 1.2 * off[0] and inverted.ncc < -0.8


def test_grey_values_are_distributed_as_the_films():
    rng = np.random.default_rng(0)
    film, image = rng.gamma(2, 100, (60, 70)), rng.normal(size=(60, 70))
    drawn = in_the_look_of(film, image, np.ones(film.shape, bool))
    np.testing.assert_allclose(np.quantile(drawn, (0.1, 0.5, 0.9)), np.quantile(film, (0.1, 0.5, 0.9)), rtol=0.02)
    assert (np.argsort(drawn.ravel())[[0, -1]] == np.argsort(image.ravel())[[0, -1]]).all()


def test_edges_lie_where_the_rendering_is_steep(ct, arm):
    sums = render(live_volume(ct), arm.camera())
    edges = edges_of(sums, arm.camera())
    steep = np.hypot(*np.gradient(sums))
    assert 0 < edges.mean() < 0.2 and steep[edges].mean() > 2 * steep.mean()
    assert not edges_of(np.zeros((20, 30)), arm.camera()).any()


def test_the_checkerboard_shows_both_in_turn(ct, arm):
    shown = compare(simulate(scene(ct), arm), ct, arm.camera())
    board = shown.checkerboard(4)
    side = -(-shown.film.shape[0] // 4)
    np.testing.assert_array_equal(board[:side, :side], shown.film[:side, :side])
    np.testing.assert_array_equal(board[:side, side:2 * side], shown.drr[:side, side:2 * side])
    with pytest.raises(ValueError, match="squares"):
        shown.checkerboard(0)
