"""Every phantom from three sides, for the documentation: writes docs/images/phantoms.jpg.

    python scripts/contact_sheet.py [--real FOLDER -o SHEET.jpg]

With --real, the folder of real films (see benchmarks/cephalograms.py), each row ends with a real film of the same
anatomy, to look at and not to publish.
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

import napari_xray_landmarks as xl
from napari_xray_landmarks.drr.projection import isocentre_of
from napari_xray_landmarks.phantoms import phantom
from napari_xray_landmarks.phantoms.knee_images import knee_phantom

SHEET = Path(__file__).resolve().parents[1] / "docs" / "images" / "phantoms.jpg"
VIEWS = {"AP": 0.0, "oblique": 40.0, "lateral": 90.0}
SUBJECT, HEIGHT = 1000, 420
# size of the detector in px and of its pixels in mm, by phantom; a real film of the same part
DETECTORS = {"pelvis": ((479, 615), 0.8), "proximal-femur": ((512, 416), 0.5), "spine": ((1000, 480), 0.75),
             "knee": ((512, 416), 0.45)}
REAL = {"pelvis": "hip-dicom/*.dcm", "proximal-femur": "dicom-films/RG2*", "spine": "aasce/**/*.jpg",
        "knee": "dicom-films/RG3*"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--real", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=SHEET)
    options = parser.parse_args()
    rows = [_row(name, options.real) for name in DETECTORS]
    sheet = Image.new("L", (max(r.width for r in rows), sum(r.height for r in rows)))
    for i, row in enumerate(rows):
        sheet.paste(row, (0, sum(r.height for r in rows[:i])))
    options.output.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(options.output, quality=88)


def _row(name: str, real: Path | None) -> Image.Image:
    size, pixel = DETECTORS[name]
    made = knee_phantom(SUBJECT, modality="CT") if name == "knee" else phantom(name, SUBJECT)
    scene = xl.scene(made.volume)
    centre = isocentre_of(made.volume, made.landmarks)
    tiles = []
    for view, lao in VIEWS.items():
        arm = xl.CArm(lao_deg=lao, source_to_isocentre_mm=1000.0, source_to_detector_mm=1300.0, size_px=size,
                      pixel_spacing_mm=(pixel, pixel), isocentre_mm=tuple(centre))
        tiles.append(_tile(xl.simulate(scene, arm, rng=np.random.default_rng(0)).pixels, f"{name}, {view}"))
    if real is not None and (films := sorted(real.glob(REAL[name]))):
        tiles.append(_tile(xl.load_image(films[0]).pixels, "a real film"))
    row = Image.new("L", (sum(t.width for t in tiles), HEIGHT))
    for i, tile in enumerate(tiles):
        row.paste(tile, (sum(t.width for t in tiles[:i]), 0))
    return row


def _tile(pixels: np.ndarray, text: str) -> Image.Image:
    low, high = np.percentile(pixels, (1, 99.5))
    grey = np.clip((pixels.astype(float) - low) / max(high - low, 1e-9), 0, 1)
    image = Image.fromarray((255 * grey).astype(np.uint8))
    image = image.resize((round(image.width * HEIGHT / image.height), HEIGHT), Image.Resampling.LANCZOS)
    ImageDraw.Draw(image).text((6, 4), text, fill=255, stroke_width=2, stroke_fill=0)
    return image


if __name__ == "__main__":
    main()
