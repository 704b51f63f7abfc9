"""Epochs of a network that can be stopped after any of them and taken up again."""

from collections.abc import Callable, Mapping

import numpy as np
import torch


def run_epochs(run, name: str, count: int, modules: Mapping[str, torch.nn.Module], optimiser: torch.optim.Optimizer,
               epoch: Callable[[int], str], report: Callable[[float, str], None]) -> None:
    """Train epoch after epoch, from behind the last one that an earlier attempt finished.

    What an epoch draws at random must depend on its number alone: then a run that was stopped ends as any other.

    Parameters
    ----------
    run
        A `training.runs.TrainingRun`; None keeps nothing.
    name
        Of this training in the run.
    count
        Epochs in all.
    modules, optimiser
        What is trained; changed in place.
    epoch
        `epoch(number)` trains one and says in a few words how it went.
    report
        Called as `report(fraction, stage)` before each; may raise `errors.Cancelled`.
    """
    kept = run.kept(f"{name}-epochs") if run else None
    done, said = 0, ""
    if kept:
        restore(kept, modules, optimiser)
        done = int(kept["epochs"])
    for number in range(done, count):
        report(number / count, f"{name}, epoch {number + 1} of {count}{said}")
        said = f" ({epoch(number)})"
        if run:
            run.keep(f"{name}-epochs", state_of(modules, optimiser) | {"epochs": np.array(number + 1)})


def generator_of(seed: int, name: str, number: int) -> torch.Generator:
    """The random numbers of one epoch."""
    words = np.random.SeedSequence([seed, number, *name.encode()]).generate_state(2)
    return torch.Generator().manual_seed(int(words[0]) << 31 | int(words[1]) >> 1)


def state_of(modules: Mapping, optimiser: torch.optim.Optimizer) -> dict[str, np.ndarray]:
    """All that training goes on from, as arrays; inverse of `restore`."""
    state = {f"{key}/{name}": value.cpu().numpy() for key, module in modules.items()
             for name, value in module.state_dict().items()}
    for i, values in optimiser.state_dict()["state"].items():
        state |= {f"optimiser/{i}/{name}": torch.as_tensor(value).cpu().numpy() for name, value in values.items()}
    return state


def restore(state: Mapping[str, np.ndarray], modules: Mapping, optimiser: torch.optim.Optimizer) -> None:
    """Set modules and optimiser to a state; arrays of other names do not matter."""
    tensors = {key: torch.from_numpy(np.array(value)) for key, value in state.items()}
    for key, module in modules.items():
        module.load_state_dict({n.partition("/")[2]: v for n, v in tensors.items() if n.startswith(f"{key}/")})
    moments: dict[int, dict] = {}
    for key, value in tensors.items():
        if key.startswith("optimiser/"):
            _, i, name = key.split("/")
            moments.setdefault(int(i), {})[name] = value
    optimiser.load_state_dict(optimiser.state_dict() | {"state": moments})
