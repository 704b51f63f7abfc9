"""A few steps of a small network, on as many processes as asked for; run as a program each writes what it saw.

    python shared_steps.py PROCESSES FOLDER
"""

import json
import sys
from pathlib import Path

import torch
from torch import nn

from napari_xray_landmarks.learning.devices import Devices, agreed, training_on
from napari_xray_landmarks.learning.learner import Learner

BATCHES = (5, 4, 1)


class Small(nn.Module):
    """Two outputs of different shapes, behind batch normalisation, and a weight that the loss uses too."""

    films_axis = 1

    def __init__(self):
        super().__init__()
        convolution = nn.Conv2d(1, 6, 3, padding=1, bias=False)  # a bias would have no gradient but noise
        self.body = nn.Sequential(convolution, nn.BatchNorm2d(6), nn.LeakyReLU())
        self.map, self.number = nn.Conv2d(6, 2, 1), nn.Linear(6, 1)
        self.level = nn.Parameter(torch.tensor(0.5))

    def forward(self, images):
        seen = self.body(images)
        return (self.map(seen) * self.level)[None], [self.number(seen.mean((2, 3)))[None]]


def steps(count: int) -> dict:
    """Losses, gradients and weights after steps of `BATCHES`, and how many images this process's network saw."""
    torch.set_num_threads(1)
    with training_on(Devices("cpu", count, precision="32")) as own:
        torch.manual_seed(0)
        network, seen, said = Small(), [], {"losses": [], "gradients": []}
        learner = Learner(network, 1e-2, 1e9)
        network.register_forward_hook(lambda module, images, out: seen.append(len(images[0])))
        rng = torch.Generator().manual_seed(1)
        for step, batch in enumerate(BATCHES):
            images = torch.randn(batch, 1, 8, 8, generator=rng) * torch.arange(1, batch + 1).view(-1, 1, 1, 1)
            (maps,), ((numbers,),) = learner.trained(images)
            weighted = (maps.square().sum((1, 2, 3)) * images.std((1, 2, 3))).sum()
            loss = weighted / maps.abs().sum() + numbers.exp().mean() + (maps.mean() - network.level).square()
            said["losses"].append(learner.step(loss, step / len(BATCHES)))
            said["gradients"].append([float(p.grad.norm()) for p in network.parameters()])
        weights = torch.cat([v.flatten().double() for v in learner.mean.module.state_dict().values()])
        return said | {"rank": own.rank, "seen": seen, "weights": weights.tolist(),
                       "agreed": agreed(lambda: own.rank + 10)}


if __name__ == "__main__":
    said = steps(int(sys.argv[1]))
    Path(sys.argv[2], f"{said['rank']}.json").write_text(json.dumps(said))
