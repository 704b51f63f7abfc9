"""Training in a process of its own, which whoever started it may end at any moment.

    python -m napari_xray_landmarks.training.worker '{"recipe": "spine", "data": "films", "output": "mine.safetensors"}'

Keys: recipe, data, output, and optionally settings (of the method), seed, anatomy, run (the folder of the run). Each
line of its output is a JSON object: `{"fraction", "stage"}` as it goes on, and last `{"metrics"}` or `{"error"}`. What
it says is kept in the run's folder as well, so that a run that goes on shows what was before.
"""

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from ..errors import Cancelled, InputError
from .runs import RUN_FILE

HISTORY = "history.jsonl"


def main(request: str) -> int:
    """Train as a JSON text asks; 0, or 2 with an `error` line."""
    try:
        header = _train(json.loads(request))
        _say({"metrics": {key: value for key, value in header.metrics.items() if isinstance(value, int | float)}})
        return 0
    except (InputError, OSError, ValueError, MemoryError) as error:
        _say({"error": " ".join(str(error).split()) or type(error).__name__})
        return 2
    except Cancelled:
        return 1


def _train(asked: Mapping):
    from .films import validate
    from .recipes import train
    from .tables import read_training_set

    dataset = read_training_set(asked["data"])
    if asked.get("anatomy"):
        dataset = replace(dataset, about={**dataset.about, "anatomy": asked["anatomy"]})
    output = Path(asked["output"])
    run = Path(asked.get("run") or output.with_suffix(".run"))
    said = _reporter(run)
    validate(dataset, progress=lambda f, stage="": said(0.05 * f, stage))
    return train(asked["recipe"], dataset, output, settings=asked.get("settings"), seed=int(asked.get("seed", 0)),
                 progress=lambda f, stage="": said(0.05 + 0.95 * f, stage), run_folder=run)


def _reporter(run: Path) -> Callable[[float, str], None]:
    last: list = [None]

    def say(fraction: float, stage: str = "") -> None:
        line = {"fraction": round(float(fraction), 4), "stage": str(stage)}
        if line == last[0]:
            return
        last[0] = line
        _say(line)
        if (run / RUN_FILE).exists():
            with open(run / HISTORY, "a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")

    return say


def history(run) -> list[dict]:
    """What an earlier attempt of a run said; nothing where there is none."""
    try:
        lines = (Path(run) / HISTORY).read_text(encoding="utf-8").splitlines()
        return [line for text in lines if isinstance(line := json.loads(text), dict)]
    except (OSError, ValueError, RecursionError):
        return []


def _say(line: Mapping) -> None:
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
