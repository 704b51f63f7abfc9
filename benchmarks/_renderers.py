"""One renderer in a process of its own: ours or a peer's, by the same volume, the same rays and the same clock.

`python _renderers.py NAME PROBLEM.npz RESULT.npz` runs under the environment that has the renderer; peers' environments
have neither this project nor its dependencies, so each way imports what it needs.

A problem has `voxels` (superior, posterior, left), isotropic and straight, `world_from_voxel`, `numbers` (materials),
`rays_mm` (views, 3, 4): from (row, column, 1) to the ray, and the source in the last column, `size_px`, `seconds` (how
long to repeat) and `threads`. A result has `images`, the least `wall_s` of each view, and `memory`: the peak above what
loading the problem took, in volumes.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

STATUS = Path("/proc/self/status")


def main(name: str, problem_path: str, result_path: str) -> None:
    with np.load(problem_path) as arrays:
        problem = {key: arrays[key] for key in arrays.files}
    before = _resident_with_libraries(name, problem)
    draw = WAYS[name](problem)
    images, spent = zip(*(_timed(draw, i, float(problem["seconds"])) for i in range(len(problem["rays_mm"]))),
                        strict=True)
    memory = (_status("VmHWM") - before) * 1024 / problem["voxels"].nbytes
    np.savez(result_path, images=np.stack(images), wall_s=spent, memory=memory)


def _timed(draw, view: int, seconds: float) -> tuple[np.ndarray, float]:
    """The image, and the least time of some calls after one that does not count."""
    draw(view)
    spent = []
    while len(spent) < 2 or (sum(spent) < seconds and len(spent) < 30):
        start = time.perf_counter()
        image = draw(view)
        spent.append(time.perf_counter() - start if np.ndim(image) else image.clock)
    return np.asarray(image, np.float32), min(spent)


def _resident_with_libraries(name: str, problem) -> float:
    """kB of this process once the renderer has drawn something small; the peak counts from here."""
    corner = {key: np.ascontiguousarray(problem[key][:8, :8, :8]) for key in ("voxels", "numbers")}
    WAYS[name]({**problem, **corner, "size_px": np.array((16, 16))})(0)
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def _status(key: str) -> float:
    return next(float(line.split()[1]) for line in STATUS.read_text().splitlines() if line.startswith(key))


def _ours(problem):
    from napari_xray_landmarks.drr.prepared import prepare
    from napari_xray_landmarks.geometry.camera import Camera
    from napari_xray_landmarks.imaging import Volume

    volume = Volume(problem["voxels"], problem["world_from_voxel"])
    size = tuple(int(n) for n in problem["size_px"])
    cameras = [Camera(rays[:, 3], rays[:, 3] + rays[:, 2], rays[:, 0], rays[:, 1], size) for rays in problem["rays_mm"]]
    return volume, prepare, cameras


def exact(problem):
    from napari_xray_landmarks.drr.render import render

    volume, prepare, cameras = _ours(problem)
    prepared = prepare(volume)
    return lambda view: render(prepared, cameras[view])


def materials(problem):
    from napari_xray_landmarks.drr.render import render

    volume, prepare, cameras = _ours(problem)
    prepared = prepare(volume, problem["numbers"])
    return lambda view: render(prepared, cameras[view]).sum(0)


def jacobian(problem):
    from napari_xray_landmarks.drr.render import render_with_jacobian

    volume, prepare, cameras = _ours(problem)
    prepared = prepare(volume)
    return lambda view: render_with_jacobian(prepared, cameras[view], (0, 0, 0))[0]


def separable(problem):
    from napari_xray_landmarks.drr.preview import preview

    volume, prepare, cameras = _ours(problem)
    prepared = prepare(volume)
    return lambda view: preview(prepared, cameras[view])


def torch_forward(problem):
    import torch

    renderers = _torch_renderers(problem)

    def draw(view):
        with torch.no_grad():
            return renderers(view)(torch.zeros(1, 6))[0].numpy()
    return draw


def torch_backward(problem):
    import torch

    renderers = _torch_renderers(problem)

    def draw(view):
        motion = torch.zeros((1, 6), requires_grad=True)
        image = renderers(view)(motion)[0]
        image.sum().backward()
        return image.detach().numpy()
    return draw


def _torch_renderers(problem):
    """view -> renderer, all of the same voxels."""
    import torch

    from napari_xray_landmarks.drr.differentiable import TorchRenderer, ray_matrix

    torch.set_num_threads(int(problem["threads"]))
    volume, _, cameras = _ours(problem)
    renderer = TorchRenderer(volume, cameras[0])

    def of(view):
        renderer.rays_mm = torch.tensor(ray_matrix(cameras[view]))
        return renderer
    return of


def diffdrr(problem):
    """DiffDRR, trilinear, its 500 samples a ray."""
    import torch
    from diffdrr.renderers import Trilinear

    torch.set_num_threads(int(problem["threads"]))
    volume, trilinear = torch.tensor(problem["voxels"]), Trilinear()
    to_voxel = np.linalg.inv(problem["world_from_voxel"])

    def draw(view):
        source, targets = _ends(problem, view)
        length = torch.tensor(np.linalg.norm(targets - source, axis=1), dtype=torch.float32)[None, None]
        source, targets = (torch.tensor(p @ to_voxel[:3, :3].T + to_voxel[:3, 3], dtype=torch.float32)[None]
                           for p in (source[None], targets))
        with torch.no_grad():
            return trilinear(volume, source, targets, length, n_points=500).reshape(*problem["size_px"]).numpy()
    return draw


def nanodrr(problem):
    """nanodrr on the CPU, its 500 samples a ray."""
    import torch
    from nanodrr.data import Subject
    from nanodrr.drr import render
    from torchio import ScalarImage

    torch.set_num_threads(int(problem["threads"]))
    lps_from_xyz = problem["world_from_voxel"][[2, 1, 0, 3]][:, [2, 1, 0, 3]]
    image = ScalarImage(tensor=torch.tensor(problem["voxels"]).permute(2, 1, 0)[None], affine=lps_from_xyz)
    subject, one = Subject.from_images(image, convert_to_mu=False), torch.eye(4)[None]
    rows, columns = (int(n) for n in problem["size_px"])

    def draw(view):
        source, targets = (torch.tensor(p[..., ::-1].copy(), dtype=torch.float32) for p in _ends(problem, view))
        with torch.no_grad():
            return render(subject, one[:, :3, :3], one, torch.ones(1), rows, columns, src=source[None, None],
                          tgt=targets[None])[0, 0].numpy()
    return draw


def rtk(problem):
    """RTK's Joseph forward projection."""
    import itk

    itk.MultiThreaderBase.SetGlobalDefaultNumberOfThreads(int(problem["threads"]))
    volume = itk.image_view_from_array(problem["voxels"])
    volume.SetSpacing([float(s) for s in np.diag(problem["world_from_voxel"])[2::-1]])
    volume.SetOrigin([float(o) for o in problem["world_from_voxel"][2::-1, 3]])
    kind = itk.Image[itk.F, 3]

    def draw(view):
        rays = problem["rays_mm"][view][::-1]  # LPS
        row, column, corner, source = rays[:, 0], rays[:, 1], rays[:, 2] + rays[:, 3], rays[:, 3]
        pitch = np.linalg.norm(column), np.linalg.norm(row)
        geometry = itk.ThreeDCircularProjectionGeometry.New()
        assert geometry.AddProjection(_filled(itk.Point[itk.D, 3], source), _filled(itk.Point[itk.D, 3], corner),
                                      _filled(itk.Vector[itk.D, 3], column / pitch[0]),
                                      _filled(itk.Vector[itk.D, 3], row / pitch[1]))
        stack = itk.image_from_array(np.zeros((1, *problem["size_px"]), np.float32))
        stack.SetSpacing([*pitch, 1.0])
        project = itk.JosephForwardProjectionImageFilter[kind, kind].New()
        project.SetInput(0, stack)
        project.SetInput(1, volume)
        project.SetGeometry(geometry)
        project.Update()
        return itk.array_from_image(project.GetOutput())[0]
    return draw


def plastimatch(problem):
    """plastimatch's exact algorithm; the time is what the program says that it took, without starting and writing."""
    import itk

    folder = Path(tempfile.mkdtemp())
    volume = itk.image_from_array(problem["voxels"])
    volume.SetSpacing([float(s) for s in np.diag(problem["world_from_voxel"])[2::-1]])
    volume.SetOrigin([float(o) for o in problem["world_from_voxel"][2::-1, 3]])
    itk.imwrite(volume, str(folder / "volume.mha"))
    rows, columns = (int(n) for n in problem["size_px"])

    def draw(view):
        rays = problem["rays_mm"][view][::-1]
        beam = rays @ [(rows - 1) / 2, (columns - 1) / 2, 1, 0]
        far, near = np.linalg.norm(beam), np.linalg.norm(rays[:, 3])  # the isocentre is the origin
        size = np.linalg.norm(rays[:, 0]) * rows, np.linalg.norm(rays[:, 1]) * columns
        words = {"--nrm": -beam / far, "--vup": -rays[:, 0], "--sad": [near], "--sid": [far], "-o": [0, 0, 0],
                 "-r": [rows, columns], "-z": size}
        command = [Path(sys.executable).parent / "plastimatch", "drr", "-i", "exact", "-P", "none", "-t", "raw",
                   *(w for key, value in words.items() for w in (key, " ".join(f"{v:.9g}" for v in value))),
                   "-I", folder / "volume.mha", "-O", folder / "out"]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        took = {line.split(":")[0].strip(): float(line.split(":")[1].split()[0])
                for line in said.splitlines() if "time:" in line}
        return _Clocked(10 * np.fromfile(folder / "out0000.raw", np.float32).reshape(rows, columns),  # its cm
                        took["Total time"] - took["I/O time"])
    return draw


class _Clocked:
    """An image whose renderer says how long it took."""

    ndim = 0

    def __init__(self, image, clock: float):
        self.image, self.clock = image, clock

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.image, dtype)


def _ends(problem, view: int) -> tuple[np.ndarray, np.ndarray]:
    """The source, and where every ray meets the detector, in mm."""
    rays = problem["rays_mm"][view]
    row, column = np.indices(problem["size_px"])
    return rays[:, 3], np.stack([row, column, np.ones_like(row)], -1).reshape(-1, 3) @ rays[:, :3].T + rays[:, 3]


def _filled(kind, values):
    made = kind()
    for i, value in enumerate(values):
        made.SetElement(i, float(value))
    return made


WAYS = {way.__name__: way for way in (exact, materials, jacobian, separable, torch_forward, torch_backward, diffdrr,
                                      nanodrr, rtk, plastimatch)}

if __name__ == "__main__":
    main(*sys.argv[1:])
