"""Peak memory of a detection against the memory once the film is loaded, each in a process of its own.

    python benchmarks/_memory.py MODEL FILM      prints it for one film
"""

import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

MIB = 2**20
SIDES_PX = (750, 1500, 3000, 4500)


def peaks(cache: Path):
    """A table over film sizes, and the row of the opening table."""
    from _large import model_file, unseen, write_png
    from _page import Target, table

    model, rows = model_file(cache), []
    with tempfile.TemporaryDirectory() as folder:
        small = Path(folder) / "warm-up.png"
        write_png(small, unseen(cache, 600))
        for side in SIDES_PX:
            path = Path(folder) / f"{side}.png"
            write_png(path, unseen(cache, side))
            command = [sys.executable, __file__, str(model), str(small), str(path)]
            found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            rows.append((side, found))
    lines = [[f"{side} × {side}", *(f"{f[key]:.0f} MiB" for key in ("before", "loaded", "peak")),
              f"{f['peak'] - f['loaded']:.0f} MiB", f"{f['pyramid']:.0f} MiB", f"{f['integral']:.0f} MiB"]
             for side, f in rows]
    head = ["film", "before loading", "film loaded", "peak of the detection", "the detection's own",
            "of that, the film's pyramid (16-bit)", "the largest integral histograms"]
    large = dict(rows)[3000]
    smallest, own = dict(rows)[SIDES_PX[0]], {side: f["peak"] - f["loaded"] for side, f in rows}
    slope = MIB * float(np.polyfit([side**2 for side in own], list(own.values()), 1)[0])
    measured = (f"peak {large['peak']:.0f} MiB, {own[3000]:.0f} MiB above the loaded film; grows by {slope:.0f} bytes "
                f"a pixel (pyramid {large['pyramid'] / 9e6 * MIB:.1f}), the histograms do not")
    target = Target("Peak memory at 3000 × 3000", "no growth beyond the histograms; say the peak", measured,
                    slope < 1 and large["integral"] <= 1.5 * smallest["integral"])
    return table(head, lines), [target]


def measure(model_path: str, small: str, path: str) -> dict[str, float]:
    """MiB of this process: before the film is loaded, after, and at the peak of the detection.

    A small film goes first, so that compiled kernels and libraries are in memory already.
    """
    from napari_xray_landmarks.io import load_image
    from napari_xray_landmarks.joint_displacement.sampling import LevelImage
    from napari_xray_landmarks.models import load_model

    model = load_model(model_path)
    for _ in range(2):
        model.detect(load_image(small))
    before = _resident()
    radiograph = load_image(path)
    loaded = _resident()
    _forget_peak()
    sizes, make = [], LevelImage.around.__func__

    def noted(cls, *args, **kwargs):
        image = make(cls, *args, **kwargs)
        sizes.append((image.shape[0] + 1) * (image.shape[1] + 1) * 18 * 4)
        return image

    LevelImage.around = classmethod(noted)
    model.detect(radiograph)
    pyramid = 2 / 3 * radiograph.pixels.size
    return {"before": before, "loaded": loaded, "peak": _peak(), "pyramid": pyramid / MIB,
            "integral": max(sizes) / MIB}


def _resident() -> float:
    return _status("VmRSS") or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _peak() -> float:
    return _status("VmHWM") or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _status(key: str) -> float:
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((float(line.split()[1]) / 1024 for line in lines if line.startswith(key)), 0.0)


def _forget_peak() -> None:
    """Let the kernel count the peak anew, so that what loading took does not hide it."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        pass


if __name__ == "__main__":
    print(json.dumps(measure(*sys.argv[1:])))
