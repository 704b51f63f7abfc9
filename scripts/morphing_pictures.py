"""Deep morphing on a real CT and on simulated films, for the documentation: writes docs/images/morphing-ct.png.

    python scripts/morphing_pictures.py CT.nii.gz LABELS.nii.gz [--film FILM.dcm -o SHEET.png]

The CT is TotalSegmentator's test image `trunk_ct_3mm` (Apache-2.0), whose lower end cuts both femurs below the head;
one has an implant. With --film, a real film stands beside the others, to look at and not to publish.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from napari_xray_landmarks.drr.collimation import Collimation
from napari_xray_landmarks.drr.projection import label_surfaces, outlines
from napari_xray_landmarks.drr.scene import scene
from napari_xray_landmarks.drr.simulate import simulate
from napari_xray_landmarks.geometry.camera import CArm
from napari_xray_landmarks.imaging import Radiograph, Volume
from napari_xray_landmarks.io import load_image
from napari_xray_landmarks.landmarks import Contour
from napari_xray_landmarks.models import load_model, segment
from napari_xray_landmarks.training.femurs import VIEWS, FemurPatients
from napari_xray_landmarks.training.simulated import FilmPlan, Look

SHEET = Path(__file__).resolve().parents[1] / "docs" / "images" / "morphing-ct.png"
FEMURS = {"right": 76, "left": 75}
ABOVE_MM = 15.0  # the field's middle above that of what the CT shows of a femur
ANGLES = (0.0, 25.0)  # LAO
SIDE_PX = 448
UNSEEN = 1000  # a phantom that trained no model
PHANTOM_FILMS = (0, 3)


@dataclass(frozen=True, eq=False)
class Shown:
    """A film with its name and, where they are known, the outlines that should be found."""

    name: str
    film: Radiograph
    truth: tuple[Contour, ...] = ()


def of_ct(ct: Volume, labels: Volume) -> Iterator[Shown]:
    """Both femurs from two sides, the beam shut where the CT ends."""
    made = scene(ct, labels=labels)
    for side, value in FEMURS.items():
        voxels = np.argwhere(np.asarray(labels.voxels) == value)
        middle = (labels.world_from_voxel @ [*voxels.mean(0), 1.0])[:3]
        femur = label_surfaces(labels, {value: f"femur-{side}"})
        for lao in ANGLES:
            arm = CArm(lao, 0.0, 0.0, 650.0, 1000.0, (0.45, 0.45), (SIDE_PX, SIDE_PX), tuple(middle + [ABOVE_MM, 0, 0]))
            share = _open(arm, femur[0].vertices[:, 0].min())
            film = simulate(made, arm, collimation=Collimation("rectangle", (share, 0.9), (share / 2, 0.5)))
            yield Shown(f"CT, femur {side}, LAO {lao:g}", film, tuple(outlines(femur, arm.camera())))


def _open(arm: CArm, end_mm: float) -> float:
    """Share of the film, from above, on which the body does not end: that whose rays stay above a height."""
    across = np.linspace(-80, 80, 9)
    grid = np.stack(np.meshgrid(across, across), -1).reshape(-1, 2)
    end = np.column_stack([np.full(len(grid), end_mm), grid + np.asarray(arm.isocentre_mm)[1:]])
    return float(arm.camera().project(end)[:, 0].min() / SIDE_PX)


def of_phantom() -> Iterator[Shown]:
    """Films like those that trained, of a subject that did not."""
    plan = FilmPlan(FemurPatients(1, first=UNSEEN, implants=0.0), VIEWS, 1, 12, Look(appearance=False, tools=0.0))
    for number in PHANTOM_FILMS:
        made = plan.film(number)
        yield Shown(f"phantom, LAO {made.arm.lao_deg:.0f}", made.radiograph, made.contours)


def draw(axes, shown: Shown, found) -> None:
    """The film with outline and circle: solid where they count as found; the truth thin and white."""
    film = shown.film
    low, high = np.percentile(film.pixels, (1, 99.5))
    axes.imshow(film.pixels, cmap="gray", vmin=low, vmax=high)
    for contour in shown.truth:
        axes.fill(contour.points[:, 1], contour.points[:, 0], fill=False, edgecolor="white", linewidth=0.5)
    for bone in found.bones:
        points = np.ma.masked_array(bone.points_px)
        axes.plot(points[:, 1], points[:, 0], color="#f0e442", linewidth=1.2, linestyle="-" if bone.found else ":")
    for circle in found.circles:
        line = circle.outline_px()
        axes.fill(line[:, 1], line[:, 0], fill=False, edgecolor="#56b4e9", linewidth=1.2,
                  linestyle="-" if circle.found else ":")
    sure = [f"{b.bone} {b.confidence:.2f}" for b in found.bones] + [f"head {c.confidence:.2f}" for c in found.circles]
    axes.set_title(f"{shown.name}\n{', '.join(sure) or 'nothing seen'}", fontsize=8)
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
    model = load_model(options.model)
    shown = [*of_ct(load_image(options.ct), load_image(options.labels)), *of_phantom()]
    shown += [Shown(options.film.stem, load_image(options.film))] if options.film else []
    columns = (len(shown) + 1) // 2
    figure = Figure(figsize=(3 * columns, 6.8), layout="constrained")
    for axes, one in zip(figure.subplots(2, columns).flat, shown, strict=False):
        draw(axes, one, segment(one.film, model))
    for axes in figure.axes[len(shown):]:
        axes.axis("off")
    options.output.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(options.output, dpi=110)


if __name__ == "__main__":
    main()
