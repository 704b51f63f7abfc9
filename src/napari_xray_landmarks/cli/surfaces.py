"""`surfaces`: a CT made of bone surfaces."""

from pathlib import Path
from typing import Annotated

import typer

from ..errors import InputError
from .options import Device, DeviceOption, FolderOption, QuietOption, SeedOption
from .reporting import progress_bar, say

LARGEST = 1024**3


def surfaces(
    files: Annotated[list[Path], typer.Argument(metavar="SURFACE...", help="VTK (legacy, ASCII), STL, PLY, OBJ, OFF.")],
    output: FolderOption,
    spacing: Annotated[float, typer.Option("--voxel-mm", metavar="MM", help="Size of the voxels.")] = 1.0,
    cortex: Annotated[float, typer.Option("--cortex-mm", metavar="MM", help="Mean thickness of the cortex.")] = 1.7,
    cortex_hu: Annotated[float, typer.Option("--cortex-hu", metavar="HU", help="Density of the cortex.")] = 1100.0,
    filling_hu: Annotated[float, typer.Option("--filling-hu", metavar="HU", help="Density of the inside.")] = 190.0,
    quiet: QuietOption = False,
    device: DeviceOption = Device.auto,
    seed: SeedOption = None,
) -> None:
    """Make a CT of bone surfaces, in mm and one frame: ct.nii.gz and labels.nii.gz.

    Each bone gets a cortex and a trabecular filling, the body muscle, fat and skin; the seed varies them. Small holes
    are closed. `simulate` makes radiographs of the CT.
    """
    import numpy as np

    from ..drr.repair import solid_surface
    from ..io import write_volume
    from ..io.meshes import read_mesh
    from ..phantoms.surfaces import SurfaceBone, ct_from_surfaces, varying

    for option, value in (("--voxel-mm", spacing), ("--cortex-mm", cortex)):
        if not 0 < value < 100:
            raise InputError(f"{option} {value:g}", "is not a size in mm", f"For example {option} 1")
    if len(files) > 255:
        raise InputError(files[255], "is one surface too many", "Give at most 255")
    rng = np.random.default_rng(seed or 0)
    with progress_bar("Surfaces", quiet) as progress:
        bones = []
        for i, path in enumerate(files):
            progress(0.5 * i / len(files), f"reading {path.name}")
            mesh = solid_surface(read_mesh(path))
            thickness = varying(mesh.vertices, cortex, 0.25, rng)
            bones.append(SurfaceBone(mesh.name, i + 1, mesh, thickness, cortex_hu, filling_hu))
        _require_a_size_that_fits(bones, spacing)
        progress(0.5, "making the CT")
        ct, labels = ct_from_surfaces(bones, spacing_mm=spacing, rng=rng, name=files[0].name)
        progress(0.8, "writing")
        output.mkdir(parents=True, exist_ok=True)
        for name, volume in (("ct", ct), ("labels", labels)):
            write_volume(output / f"{name}.nii.gz", volume)
    named = ", ".join(f"{bone.label} {bone.name}" for bone in bones)
    say(f"CT      {output / 'ct.nii.gz'}\nlabels  {output / 'labels.nii.gz'}  ({named})", quiet)


def _require_a_size_that_fits(bones, spacing_mm: float) -> None:
    import numpy as np

    boxes = np.array([bone.mesh.bounds_mm for bone in bones])
    extent = boxes[:, 1].max(0) - boxes[:, 0].min(0) + 130
    if np.prod(extent / spacing_mm) > LARGEST:
        raise InputError(f"--voxel-mm {spacing_mm:g}", f"makes too many voxels of {extent.round().tolist()} mm",
                         "Give larger voxels, and check that the surfaces are in mm and in one frame")
