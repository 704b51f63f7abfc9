"""The environment of the other projects' renderers, apart from this project's, and renderers run one by one.

The environment is made in the temporary folder when it is first needed. Packages are installed without the
dependencies that their renderers do not import, so that they bring no other torch.
"""

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

ADAPTERS = Path(__file__).with_name("_renderers.py")
FOLDER = Path(tempfile.gettempdir()) / "xray-landmarks-peers"
INSTALLS = {  # without dependencies, then with
    "DiffDRR": (["diffdrr"], []),
    "nanodrr": (["nanodrr"], ["jaxtyping", "platformdirs", "roma", "torchio"]),
    "RTK": (["itk-rtk"], ["itk==5.4.*"]),
    "plastimatch": (["plastimatch"], ["itk==5.4.*"]),
}
NOT_COMPARED = {"gVXR": "renders triangle meshes and not volumes"}
PACKAGES = ("diffdrr", "nanodrr", "itk-rtk", "plastimatch")


@dataclass(frozen=True, eq=False)
class Result:
    """(views, rows, columns) images, the least wall time of each in s, and the memory in volumes."""

    images: np.ndarray
    wall_s: np.ndarray
    memory: float


def faster(one: Result | str, two: Result | str) -> Result | str:
    """The first result with the lesser of both times of each view; what failed, if one did."""
    if isinstance(one, str) or isinstance(two, str):
        return one if isinstance(one, str) else two
    return Result(one.images, np.minimum(one.wall_s, two.wall_s), max(one.memory, two.memory))


def environment(folder: Path = FOLDER) -> tuple[Path, dict[str, str]]:
    """The peers' Python, and why a peer could not be installed."""
    python = folder / "bin" / "python"
    done, failures = folder / "installed", {}
    if not python.is_file():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    pins = [f"torch=={version('torch').partition('+')[0]}", f"numpy=={version('numpy')}"]
    known = done.read_text().split() if done.is_file() else []
    if "torch" not in known:
        if reason := _install(python, pins):
            return python, dict.fromkeys(INSTALLS, reason)
        known.append("torch")
        done.write_text("torch")
    for name, (alone, whole) in INSTALLS.items():
        if name in known:
            continue
        reason = (_install(python, [*whole, *pins]) if whole else "") or _install(python, ["--no-deps", *alone])
        if reason:
            failures[name] = f"cannot be installed: {reason}"
        else:
            known.append(name)
            done.write_text("\n".join(known))
    return python, failures


def versions(python: Path) -> str:
    """Names and versions of the peers that are installed."""
    code = ("from importlib.metadata import distribution as d\n"
            f"for n in {PACKAGES}:\n try: print(n, d(n).version)\n except Exception: pass")
    return ", ".join(subprocess.run([python, "-c", code], capture_output=True, text=True).stdout.splitlines())


def run(name: str, problem: Path, *, python: str | Path = sys.executable, threads: int = 2) -> Result | str:
    """What a renderer makes of a problem, or the last line of what it said when it failed."""
    quiet = {key: str(threads) for key in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "result.npz"
        ended = subprocess.run([python, ADAPTERS, name, problem, path], capture_output=True, text=True,
                               env={**os.environ, **quiet})
        if ended.returncode or not path.is_file():
            return _last_line(ended.stderr) or f"ended with {ended.returncode}"
        with np.load(path) as arrays:
            return Result(arrays["images"], arrays["wall_s"], float(arrays["memory"]))


def _install(python: Path, packages: list[str]) -> str:
    """Why it failed, or nothing."""
    command = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *packages]
    ended = subprocess.run(command, capture_output=True, text=True)
    if not ended.returncode:
        return ""
    errors = [line for line in ended.stderr.splitlines() if line.startswith("ERROR")]  # warnings may follow them
    return _last_line("\n".join(errors) or ended.stderr)


def _last_line(text: str) -> str:
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")
