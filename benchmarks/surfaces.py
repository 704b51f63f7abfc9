"""A CT of 256 x 256 x 256 voxels from bone surfaces, and films of a simulated data set, on two threads.

    python benchmarks/surfaces.py

The surfaces are a ball and rods with as many triangles as a pelvis has; the data set is of phantoms.
"""

import time

import numba
import numpy as np
import trimesh

from _page import Target, arguments, require_quiet, table, write_section
from napari_xray_landmarks.mesh import Mesh
from napari_xray_landmarks.phantoms.surfaces import bones_of, ct_from_surfaces
from napari_xray_landmarks.training.patients import PhantomPatients
from napari_xray_landmarks.training.simulated import FilmPlan

THREADS = 2
AIM_S = 2.0


def main() -> None:
    parser = arguments(__doc__.partition("\n")[0])
    parser.add_argument("--size", type=int, default=256, help="voxels along each axis")
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    require_quiet()
    numba.set_num_threads(THREADS)
    meshes = surfaces()
    half = np.full(3, (options.size - 1) / 2)
    repair = timed(lambda: bones_of(meshes), options.repeats)
    bones = bones_of(meshes)
    ct = timed(lambda: ct_from_surfaces(bones, box_mm=(-half, half)), options.repeats)
    patient, film = film_times(options.repeats)
    triangles = sum(len(mesh.faces) for mesh in meshes)
    rows = [[f"three surfaces made whole ({triangles} triangles)", *spread(repair)],
            [f"CT of {options.size}³ voxels at 1 mm from them", *spread(ct)],
            ["a phantom made a patient, outlines included", *spread(patient)],
            ["a film of it, 479 x 615, with exposure, look and outlines varied", *spread(film)]]
    targets = [Target(f"CT of {options.size}³ from surfaces, 2 threads", f"<= {AIM_S:g} s", f"{np.median(ct):.2f} s",
                      float(np.median(ct)) <= AIM_S, max(ct) <= AIM_S)]
    write_section("surfaces", "CTs from surfaces, and data sets", [table(["what", "median", "least", "most"], rows)],
                  targets, dry=options.dry, how=f"{THREADS} threads")


def surfaces() -> list[Mesh]:
    """A ball and two rods of about 10,000 triangles each, the size of a sacrum and two hip bones."""
    ball = trimesh.creation.icosphere(5, 45.0)
    rod = trimesh.creation.capsule(180, 22, count=[70, 70])
    made = [Mesh(ball.vertices, ball.faces, "ball")]
    for side in (-1, 1):
        made.append(Mesh(rod.vertices[:, ::-1] * (1, 1, -1) + (-90, 0, 80 * side), rod.faces, f"rod {side}"))
    return made


def film_times(repeats: int) -> tuple[list[float], list[float]]:
    """Seconds to make a patient, and to make films of it."""
    plan = FilmPlan(PhantomPatients(count=100), views_each=repeats)
    plan.film(0)
    patients = [timed_once(lambda n=n: plan.patient_of(n * repeats)) for n in (1, 2, 3)]
    return patients, [timed_once(lambda n=n: plan.film(n)) for n in range(3 * repeats, 4 * repeats)]


def timed(work, repeats: int) -> list[float]:
    """Seconds of each run but the first, which compiles."""
    work()
    return [timed_once(work) for _ in range(repeats)]


def timed_once(work) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def spread(seconds: list[float]) -> tuple[str, str, str]:
    return tuple(f"{value:.2f} s" for value in (np.median(seconds), min(seconds), max(seconds)))


if __name__ == "__main__":
    main()
