"""What lies on a film beside the patient: collimator edges, markers, cut-outs, grid lines. All draw in place."""

import numpy as np

from .collimation import Collimation, field

MARKERS = ("L", "R", "AP", "LAT", "PORTABLE", "SUPINE", "ERECT", "1", "2", "KV 75", "12:41")


def draw_collimator(image: np.ndarray, collimation: Collimation, outside: float) -> None:
    """Fade to the grey value `outside` beyond a collimator's edge; its sizes are in pixels here."""
    opened = field(collimation, image.shape, (1.0, 1.0))
    image -= outside
    image *= opened
    image += outside


def draw_markers(image: np.ndarray, count: int, rng: np.random.Generator) -> None:
    """Letters of lead near the edges, bright or dark, of 2 to 9 % of the shorter side."""
    from PIL import Image, ImageDraw, ImageFont

    for _ in range(count):
        size = max(8, int(min(image.shape) * rng.uniform(0.02, 0.09)))
        text, font = str(rng.choice(MARKERS)), ImageFont.load_default(size)
        left, top, right, bottom = font.getbbox(text)
        stamp = Image.new("L", (int(right - left) + 6, int(bottom - top) + 6))
        draw = ImageDraw.Draw(stamp)
        draw.text((3 - left, 3 - top), text, 255, font=font)
        if rng.random() < 0.3:
            draw.rectangle((0, 0, stamp.width - 1, stamp.height - 1), outline=255)
        stamp = stamp.rotate(float(rng.normal(0, 8)), expand=True)
        if rng.random() < 0.1:
            stamp = stamp.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        _blend(image, np.asarray(stamp, np.float32) / 255, rng.uniform(0.4, 1.0), float(rng.random() < 0.85), rng)


def _blend(image: np.ndarray, stamp: np.ndarray, strength: float, grey: float, rng: np.random.Generator) -> None:
    """Lay a stamp of opacities somewhere near the edge."""
    rows, columns = (min(n, m) for n, m in zip(stamp.shape, image.shape, strict=True))
    at = rng.beta(0.4, 0.4, 2) * (np.array(image.shape) - (rows, columns))
    row, column = at.astype(int)
    part = image[row:row + rows, column:column + columns]
    part += np.float32(strength) * stamp[:rows, :columns] * (np.float32(grey) - part)


def draw_cut_outs(image: np.ndarray, count: int, largest: float, rng: np.random.Generator) -> None:
    """Rectangles of one grey value or of noise, each side up to the share `largest` of the image's."""
    for _ in range(count):
        size = np.maximum(1, (rng.uniform(0.02, largest, 2) * image.shape).astype(int))
        row, column = (rng.random(2) * (np.array(image.shape) - size)).astype(int)
        part = image[row:row + size[0], column:column + size[1]]
        part[:] = rng.random() if rng.random() < 0.6 else rng.random(part.shape, dtype=np.float32)


def draw_grid_lines(image: np.ndarray, period_px: float, strength: float, along_rows: bool, rng) -> None:
    """The shadow of an anti-scatter grid's strips."""
    phase = rng.uniform(0, 2 * np.pi)
    lines = np.float32(strength) * np.sin(2 * np.pi / period_px * np.arange(image.shape[along_rows]) + phase)
    image += lines.astype(np.float32)[None, :] if along_rows else lines.astype(np.float32)[:, None]
