"""Films for a network: tensors, and every film once whatever the number of workers."""

import numpy as np
import pytest

from balls import NAMES, VIEWS, Balls
from napari_xray_landmarks.training.simulated import FilmPlan

torch = pytest.importorskip("torch")


def plan(**changes) -> FilmPlan:
    return FilmPlan(Balls([]), **{"views": VIEWS, "views_each": 2, **changes})


def test_a_sample_is_the_film_of_its_number():
    from napari_xray_landmarks.training.simulated_torch import SimulatedFilms

    films = SimulatedFilms(plan(), 5)
    sample, film = films[3], plan().film(3)
    assert len(films) == 5 and sample["image"].shape == (1, *VIEWS.size_px) and sample["image"].dtype == torch.float32
    np.testing.assert_allclose(sample["image"][0].numpy() * 4095, film.radiograph.pixels, atol=1e-3)
    np.testing.assert_allclose(sample["landmarks_px"].numpy(), film.landmarks.points, rtol=1e-5)
    np.testing.assert_array_equal(sample["visible"].numpy(), film.landmarks.detected)
    assert (sample["subject"], sample["split"], sample["flipped"]) == (film.subject, film.split, film.flipped)
    with pytest.raises(IndexError):
        films[5]


def test_the_geometry_projects_the_landmarks_onto_their_pixels():
    from napari_xray_landmarks.training.simulated_torch import SimulatedFilms

    for sample in [SimulatedFilms(plan(), 6)[n] for n in range(6)]:
        points = torch.nn.functional.pad(sample["landmarks_mm"], (0, 1), value=1.0)
        pixels = points @ sample["detector_px_from_world"].T
        torch.testing.assert_close((pixels[:, :2] / pixels[:, 2:]).float(), sample["landmarks_px"])


@pytest.mark.parametrize("workers", [0, 2])
def test_workers_share_the_films(workers):
    from napari_xray_landmarks.training.simulated_torch import FreshFilms

    options = {"num_workers": workers, "multiprocessing_context": "spawn"} if workers else {}
    loader = torch.utils.data.DataLoader(FreshFilms(plan(), 8), batch_size=2, **options)
    batches = list(loader)
    assert sorted(n for batch in batches for n in batch["number"].tolist()) == list(range(8))
    for batch in batches:
        assert batch["landmarks_px"].shape == (2, len(NAMES), 2)
        for image, number in zip(batch["image"], batch["number"].tolist(), strict=True):
            np.testing.assert_allclose(image[0].numpy() * 4095, plan().film(number).radiograph.pixels, atol=1e-3)


def test_epochs_bring_fresh_films():
    from napari_xray_landmarks.training.simulated_torch import FreshFilms

    films = FreshFilms(plan(), 3)
    numbers = []
    for epoch in range(2):
        films.set_epoch(epoch)
        numbers += [sample["number"] for sample in films]
    assert numbers == list(range(6))
    endless = iter(FreshFilms(plan()))
    assert [next(endless)["number"] for _ in range(13)] == list(range(13))
