"""Drawn films of five vertebrae, from which networks learn within seconds."""

import numpy as np

from napari_xray_landmarks.imaging import Radiograph

LEVELS = tuple(f"L{i}" for i in range(1, 6))


def drawn_spine(seed, shape=(400, 200)):
    """A film of five bright bodies on a dark ground, leaning and sized at random, and their (5, 4, 2) corners."""
    rng = np.random.default_rng(seed)
    width, lean = rng.uniform(50, 64), rng.uniform(-0.12, 0.12)
    across, down = np.array([lean, 1.0]), np.array([1.0, -lean])
    top = np.array([rng.uniform(50, 70), rng.uniform(85, 115)])
    boxes, place = [], top
    for i in range(5):
        height = width * (0.6 + 0.04 * i)
        boxes.append([place + a * height * down + (b - 0.5) * width * across for a in (0, 1) for b in (0, 1)])
        place = place + 1.35 * height * down
    corners = np.array(boxes)
    rows, columns = np.indices(shape)
    film = rng.normal(0.2, 0.03, shape) + 0.1 * np.linspace(0, 1, shape[0])[:, None]
    for box in corners:
        middle, unit = box.mean(0), across @ across
        r, c = rows - middle[0], columns - middle[1]
        inside = (np.abs((r * down[0] + c * down[1]) / unit) < (box[2] - box[0])[0] / down[0] / 2)
        film += 0.5 * (inside & (np.abs((r * across[0] + c * across[1]) / unit) < width / 2))
    return Radiograph((1000 * film).clip(0).astype(np.uint16), name=f"spine {seed}"), corners
