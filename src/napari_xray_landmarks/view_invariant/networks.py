"""The networks: the paper's convolutional pose machine, and a lighter one that is the default.

Both take (films, 2, rows, columns) images, of `films.standard`, and give stages of maps. Each has `stride`, pixels of
its input to a cell of its belief maps, `sigma`, the standard deviation of the bells that it learns in pixels of its
input, `loss` and `beliefs`.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from .beliefs import beliefs_of, bells, place_loss, summed_squares

INPUTS = 2  # grey values and local contrast
_LEVELS = 4  # of resolution in the light network


class PoseMachine(nn.Module):
    """The paper's network: a convolutional pose machine (Wei et al., CVPR 2016) of six stages.

    The first stage sees the image alone, 160 x 160 pixels about each cell; the later ones the belief of the stage
    before and features x' of the image, whose weights they share. Belief maps have an eighth of the image's resolution.

    Parameters
    ----------
    landmarks
        How many belief maps P.
    stages
        T.
    width
        Channels of the inner layers, 128 in the paper.
    """

    stride, sigma = 8, 12.0
    films_axis = 1  # of what `forward` gives

    def __init__(self, landmarks: int, stages: int = 6, width: int = 128):
        super().__init__()
        self.first = nn.Sequential(
            *_pooled(INPUTS, width), *_convolved(width, width // 4, 5), *_convolved(width // 4, 4 * width, 9),
            *_convolved(4 * width, 4 * width, 1), nn.Conv2d(4 * width, landmarks, 1))
        self.features = nn.Sequential(*_pooled(INPUTS, width), *_convolved(width, width // 4, 5))
        self.later = nn.ModuleList(nn.Sequential(
            *_convolved(width // 4 + landmarks, width, 11), *_convolved(width, width, 11),
            *_convolved(width, width, 11), *_convolved(width, width, 1), nn.Conv2d(width, landmarks, 1))
            for _ in range(stages - 1))

    def forward(self, images: Tensor) -> Tensor:
        """(T, films, P, rows / 8, columns / 8) belief maps, one after the other."""
        features, stages = self.features(images), [self.first(images)]
        for stage in self.later:
            stages.append(stage(torch.cat([features, stages[-1]], 1)))
        return torch.stack(stages)

    def beliefs(self, out: Tensor) -> Tensor:
        """The belief maps in what `forward` gives."""
        return out.float().clamp(0, 1)

    def loss(self, out: Tensor, points: Tensor, visible: Tensor) -> Tensor:
        """Summed squares, of `forward`'s result and (films, P, 2) true points in pixels of the input."""
        return summed_squares(out.float(), bells(points, visible, out.shape[-2:], self.sigma, self.stride))


class LightNetwork(nn.Module):
    """A pose machine of hourglasses, with belief maps at half of the input's resolution.

    The first stage sees only what is near each cell. Each later one joins features of the image with the belief of the
    stage before and looks at the whole film. All but the last one's maps have a quarter of the input's resolution.

    Parameters
    ----------
    landmarks
        How many belief maps P.
    stages
        T, at least 2.
    channels
        At half of the input's resolution; twice as many at a quarter, and so on.
    """

    stride, sigma = 2, 4.0

    def __init__(self, landmarks: int, stages: int = 3, channels: int = 16):
        super().__init__()
        fine, own, *deeper = (channels * 2**level for level in range(_LEVELS))
        self.stem = nn.Sequential(nn.Conv2d(INPUTS, fine, 5, stride=2, padding=2, bias=False), nn.BatchNorm2d(fine),
                                  nn.ReLU(inplace=True), *_normed(fine, fine))
        self.features = nn.Sequential(*_normed(fine, own, stride=2), *_normed(own, own), *_normed(own, own))
        self.later = nn.ModuleList(_Hourglass(own + landmarks, (own, *deeper)) for _ in range(stages - 1))
        self.heads = nn.ModuleList(nn.Sequential(*_normed(own, own), nn.Conv2d(own, landmarks, 1))
                                   for _ in range(stages - 1))
        self.last = _Head(own, fine, landmarks)
        self.absent = nn.Parameter(torch.full((stages, landmarks), 8.0))

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """T times (films, P, h, w) logits of each landmark's place, a quarter and at last half of the input's size."""
        fine = self.stem(images)
        inside = features = self.features(fine)
        stages = []
        for head, hourglass, absent in zip(self.heads, self.later, self.absent, strict=False):
            stages.append(head(inside).float())
            belief = beliefs_of(stages[-1], absent, self.sigma, 2 * self.stride)
            inside = hourglass(torch.cat([features, belief.to(features.dtype)], 1))
        return *stages, self.last(inside, fine).float()

    def beliefs(self, out: tuple[Tensor, ...]) -> Tensor:
        """(T, films, P, rows / 2, columns / 2) belief maps of what `forward` gives."""
        shape = out[-1].shape[-2:]
        maps = [beliefs_of(o, absent.to(o.device), self.sigma, stride)
                for o, absent, stride in zip(out, self.absent, self._strides(out), strict=True)]
        return torch.stack([functional.interpolate(m, size=shape, mode="bilinear") for m in maps[:-1]] + maps[-1:])

    def loss(self, out: tuple[Tensor, ...], points: Tensor, visible: Tensor) -> Tensor:
        """The cross-entropy summed over stages, of `forward`'s result and (films, P, 2) true points."""
        return sum(place_loss(o, absent, points, visible, self.sigma, stride)
                   for o, absent, stride in zip(out, self.absent, self._strides(out), strict=True))

    def _strides(self, out: tuple[Tensor, ...]) -> list[int]:
        return [2 * self.stride] * (len(out) - 1) + [self.stride]


class _Hourglass(nn.Module):
    """A U-Net that looks at the whole film and gives as many channels as `widths` begins with."""

    def __init__(self, inputs: int, widths: tuple[int, ...]):
        super().__init__()
        before = (inputs, *widths[:-1])
        self.down = nn.ModuleList(nn.Sequential(*_normed(a, b), *(_normed(b, b) if i else ()))
                                  for i, (a, b) in enumerate(zip(before, widths, strict=True)))
        self.deepest = nn.Sequential(nn.MaxPool2d(2, ceil_mode=True), *_normed(widths[-1], widths[-1], dilation=1),
                                     *_normed(widths[-1], widths[-1], dilation=2))
        above = (*widths[1:], widths[-1])
        self.up = nn.ModuleList(nn.Sequential(*_normed(a + b, b)) for a, b in zip(above, widths, strict=True))

    def forward(self, x: Tensor) -> Tensor:
        levels = []
        for i, block in enumerate(self.down):
            x = block(functional.max_pool2d(x, 2, ceil_mode=True) if i else x)
            levels.append(x)
        x = self.deepest(x)
        for level, block in zip(reversed(levels), reversed(self.up), strict=True):
            x = block(torch.cat([functional.interpolate(x, size=level.shape[-2:]), level], 1))
        return x


class _Head(nn.Module):
    """Logits at half of the input's resolution from an hourglass at a quarter of it and the fine features."""

    def __init__(self, inputs: int, fine: int, landmarks: int):
        super().__init__()
        self.narrow = nn.Conv2d(inputs, fine, 1)
        self.mixed = nn.Sequential(*_normed(2 * fine, 2 * fine))
        self.out = nn.Conv2d(2 * fine, landmarks, 1)

    def forward(self, coarse: Tensor, fine: Tensor) -> Tensor:
        raised = functional.interpolate(self.narrow(coarse), size=fine.shape[-2:], mode="bilinear")
        return self.out(self.mixed(torch.cat([raised, fine], 1)))


NETWORKS = {"light": LightNetwork, "as published": PoseMachine}


def parameter_count(network: nn.Module) -> int:
    """How many numbers a network learns."""
    return sum(math.prod(p.shape) for p in network.parameters())


def _convolved(inputs: int, outputs: int, size: int) -> tuple[nn.Module, ...]:
    return nn.Conv2d(inputs, outputs, size, padding=size // 2), nn.ReLU(inplace=True)


def _pooled(inputs: int, width: int) -> list[nn.Module]:
    """Three 9 x 9 convolutions, each followed by 2 x 2 pooling."""
    before = (inputs, width, width)
    return [layer for a in before for layer in (*_convolved(a, width, 9), nn.MaxPool2d(2))]


def _normed(inputs: int, outputs: int, stride: int = 1, dilation: int = 1) -> tuple[nn.Module, ...]:
    return (nn.Conv2d(inputs, outputs, 3, stride, dilation, dilation, bias=False), nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True))
