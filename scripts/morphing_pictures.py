"""Deep morphing on real anatomy, for the documentation: writes docs/images/morphing-ct.png.

    python scripts/morphing_pictures.py CT.nii.gz LABELS.nii.gz [--film FILM.dcm -o SHEET.png]

The CT is TotalSegmentator's test image `trunk_ct_3mm` (Apache-2.0), whose lower end cuts both femurs below the head;
one has an implant. With --film, a real film stands beside its simulated ones, to look at and not to publish.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from napari_xray_landmarks.drr.collimation import Collimation
from napari_xray_landmarks.drr.scene import scene
from napari_xray_landmarks.drr.simulate import simulate
from napari_xray_landmarks.geometry.camera import CArm
from napari_xray_landmarks.imaging import Radiograph
from napari_xray_landmarks.io import load_image
from napari_xray_landmarks.models import load_model, segment

SHEET = Path(__file__).resolve().parents[1] / "docs" / "images" / "morphing-ct.png"
FEMURS = {"right": 76, "left": 75}
ABOVE_MM = 45.0  # the CT's lower end must not show
VIEWS = ((0.0, 0.0), (25.0, 10.0))


def films(ct_file: Path, labels_file: Path) -> Iterator[tuple[str, Radiograph]]:
    """Name and film."""
    ct, labels = load_image(ct_file), load_image(labels_file)
    made = scene(ct, labels=labels)
    for side, value in FEMURS.items():
        voxels = np.argwhere(np.asarray(labels.voxels) == value)
        centre = labels.world_from_voxel @ [*voxels.mean(0), 1.0]
        for lao, cran in VIEWS:
            arm = CArm(lao, cran, 0.0, 650.0, 1000.0, (0.45, 0.45), (448, 448),
                       (centre[0] + ABOVE_MM, centre[1], centre[2]))
            yield f"CT, femur {side}, LAO {lao:g}", simulate(made, arm, collimation=Collimation("circle"))


def draw(axes, name: str, film: Radiograph, found) -> None:
    """The film with outline and circle: solid where they count as found."""
    axes.imshow(film.pixels, cmap="gray")
    for bone in found.bones:
        points = np.ma.masked_array(bone.points_px)
        axes.plot(points[:, 1], points[:, 0], color="#f0e442", linewidth=1.2, linestyle="-" if bone.found else ":")
    for circle in found.circles:
        line = circle.outline_px()
        axes.fill(line[:, 1], line[:, 0], fill=False, edgecolor="#56b4e9", linewidth=1.2,
                  linestyle="-" if circle.found else ":")
    sure = ", ".join(f"{b.bone} {b.confidence:.2f}" for b in found.bones)
    sure += ", ".join([""] + [f"head {c.confidence:.2f}" for c in found.circles])
    axes.set_title(f"{name}\n{sure or 'nothing found'}", fontsize=8)
    axes.set(xlim=(-0.5, film.shape[1] - 0.5), ylim=(film.shape[0] - 0.5, -0.5))
    axes.axis("off")


def main() -> None:
    from matplotlib.figure import Figure

    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("ct", type=Path)
    parser.add_argument("labels", type=Path)
    parser.add_argument("--film", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=SHEET)
    parser.add_argument("--model", default="hip-fluoroscopy")
    options = parser.parse_args()
    model, shown = load_model(options.model), list(films(options.ct, options.labels))
    shown += [(options.film.stem, load_image(options.film))] if options.film else []
    figure = Figure(figsize=(3 * len(shown), 3.4), layout="constrained")
    for axes, (name, film) in zip(figure.subplots(1, len(shown)), shown, strict=True):
        draw(axes, name, film, segment(film, model))
    options.output.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(options.output, dpi=110)


if __name__ == "__main__":
    main()
