"""The network, what it is given, and a training that is stopped and taken up again."""

import numpy as np
import pytest
import torch
from plain_femurs import plain_film

from napari_xray_landmarks.deep_morphing.augmentation import Stored, coloured_noise, pictures, standard
from napari_xray_landmarks.deep_morphing.films import stored
from napari_xray_landmarks.deep_morphing.learning import learn, network_of
from napari_xray_landmarks.deep_morphing.network import FusionNet
from napari_xray_landmarks.deep_morphing.settings import DeepMorphingSettings
from napari_xray_landmarks.errors import Cancelled
from napari_xray_landmarks.training.runs import TrainingRun

SMALL = DeepMorphingSettings(crop=64, channels=4, levels=3, epochs=3, decay_after=2, batch=4, pixel_mm=1.6)


@pytest.fixture(scope="module")
def films():
    made = [stored(*plain_film(np.random.default_rng(n), size=128, pixel_mm=1.6)[:2]) for n in range(8)]
    return Stored(torch.from_numpy(np.stack([f.grey for f in made])),
                  torch.from_numpy(np.stack([f.nearness for f in made])), torch.tensor([f.size for f in made]),
                  torch.tensor([f.pixel_mm for f in made]))


def test_bands_lie_on_the_outlines_of_the_pictures(films):
    flat = Stored(films.nearness[:, 0], films.nearness, films.sizes, films.pixel_mm)  # the film is its own outline
    picture, band = pictures(flat, torch.arange(8), 0.8, 128, torch.Generator().manual_seed(3))
    grey = torch.where(picture[:, 0].flatten(1).mean(1)[:, None, None] > 0.5, 1 - picture[:, 0], picture[:, 0])
    inner = slice(8, -8)
    on, off = band[:, 0, inner, inner] > 0.8, band[:, 0, inner, inner] < 0.01
    agree = [float(g[inner, inner][a].mean() - g[inner, inner][b].mean())
             for g, a, b in zip(grey, on, off, strict=True) if a.sum() > 40]
    assert len(agree) >= 4 and np.median(agree) > 0.2


def test_pictures_depend_on_the_generator_alone(films):
    one, two, three = (pictures(films, torch.arange(4), 0.8, 64, torch.Generator().manual_seed(s)) for s in (1, 1, 2))
    assert torch.equal(one[0], two[0]) and torch.equal(one[1], two[1])
    assert not torch.equal(one[0], three[0])
    assert one[0].shape == (4, 2, 64, 64) and one[1].shape == (4, 2, 64, 64)
    assert 0 <= one[1].min() and one[1].max() <= 1 and torch.isfinite(one[0]).all()


def test_the_network_is_given_the_same_whatever_the_films_range():
    image = torch.rand(1, 1, 50, 70, generator=torch.Generator().manual_seed(0))
    given = standard(image)
    assert given.shape == (1, 2, 50, 70)
    assert torch.allclose(given, standard(0.25 * image + 0.5), atol=1e-4)
    assert torch.isfinite(standard(torch.full((1, 1, 30, 30), 0.3))).all(), "nor does a blank one break it"


def test_noise_is_coloured():
    noise = coloured_noise(16, 64, torch.Generator().manual_seed(0))
    assert noise.std((2, 3)) == pytest.approx(torch.ones(16, 1), abs=1e-3)
    beside = (noise[..., 1:] * noise[..., :-1]).mean((1, 2, 3))
    assert beside.min() < 0.15 and beside.max() > 0.5, "from white to wide"


def test_skips_are_summed_and_maps_as_large_as_the_picture():
    network = FusionNet(2, (4, 8, 16)).eval()
    assert network.multiple == 8
    picture = torch.rand(1, 2, 48, 64)
    with torch.inference_mode():
        out = network(picture)
        assert out.shape == (1, 2, 48, 64)
        assert float(out.mean()) == pytest.approx(-4.0, abs=1.5), "before training outlines are rare"
        for up in network.up:  # without what comes from below, only the finest skip is left
            for parameter in up.parameters():
                parameter.zero_()
        below = network.encoder[1]
        for parameter in below.parameters():
            parameter.zero_()
        assert not torch.allclose(network(picture), out)
        assert network(picture).std() > 0, "the skip still carries the picture"


def test_an_interrupted_training_ends_as_any_other(films, tmp_path):
    def stop(fraction, stage):
        if "epoch 3" in stage:
            raise Cancelled

    for name in ("whole", "stopped"):
        (tmp_path / name).mkdir()
    whole = learn(films, films, SMALL, 5, TrainingRun(tmp_path / "whole"), lambda f, s: None)
    with pytest.raises(Cancelled):
        learn(films, films, SMALL, 5, TrainingRun(tmp_path / "stopped"), stop)
    again = learn(films, films, SMALL, 5, TrainingRun(tmp_path / "stopped"), lambda f, s: None)
    for one, other in zip(whole.parameters(), again.parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-6)
    losses = TrainingRun(tmp_path / "whole").kept("epochs")["losses"]
    assert len(losses) == 3 and np.isfinite(losses).all()
    start = network_of(SMALL).state_dict()
    assert all(not torch.equal(value, start[name]) for name, value in whole.state_dict().items() if "weight" in name)
