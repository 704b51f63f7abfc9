"""A renderer of `_renderers.py` that goes on rendering: one volume, any number of views, from any process.

`python _render_server.py NAME PROBLEM.npz` reads lines from standard input, each the path of an .npz with other
`rays_mm` (views, 3, 4), for renderers that look them up with each view: DiffDRR, nanodrr. It writes the images beside
it, under its name and `.images.npy`, and says so in a line.
"""

import sys

import numpy as np

from _renderers import WAYS


def main(name: str, problem_path: str) -> None:
    with np.load(problem_path) as arrays:
        problem = {key: arrays[key] for key in arrays.files}
    draw = None
    for line in sys.stdin:
        path = line.strip()
        with np.load(path) as asked:
            problem |= {key: asked[key] for key in asked.files}
        if draw is None:
            draw = WAYS[name](problem)
        np.save(f"{path}.images.npy", np.stack([np.asarray(draw(i)) for i in range(len(problem["rays_mm"]))]))
        print("done", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
