"""The network that finds outlines: FusionNet (Quan et al. 2016), a U-Net whose skips are summed, of residual blocks."""

from collections.abc import Sequence

from monai.networks.blocks import Convolution, ResidualUnit, UpSample
from torch import Tensor, nn
from torch.nn import functional

STEM = 2  # pixels a side that become channels: the finest convolutions run on a quarter of the pixels

GIVEN = 2  # channels of a picture, from `augmentation.standard`
RARE = -4.0  # logit of every pixel before training: few are outline


class FusionNet(nn.Module):
    """Maps of logits, as large as the picture, for outlines.

    Each level is convolution, residual block, convolution; the decoder adds the encoder's features of its level to what
    comes from below. In place of the paper's finest level, squares of 2 x 2 pixels are taken as channels and the maps
    are put together again from channels, which is three times as fast.

    Parameters
    ----------
    maps
        How many outlines.
    channels
        Of each level, from fine to coarse.
    """

    def __init__(self, maps: int, channels: Sequence[int]):
        super().__init__()
        self.channels = tuple(channels)
        before = [GIVEN * STEM**2, *channels[:-1]]
        self.encoder = nn.ModuleList([_level(a, b) for a, b in zip(before, channels, strict=True)])
        self.up = nn.ModuleList([UpSample(2, b, a, mode="deconv") for a, b in
                                 zip(channels[:-1], channels[1:], strict=True)])
        self.decoder = nn.ModuleList([_level(c, c) for c in channels[:-1]])
        self.out = nn.Conv2d(channels[0], maps * STEM**2, 1)
        nn.init.constant_(self.out.bias, RARE)
        self.multiple = STEM * 2 ** (len(channels) - 1)

    def forward(self, picture: Tensor) -> Tensor:
        """(B, 2, rows, columns) pictures to (B, maps, rows, columns) logits; sides are multiples of `multiple`."""
        x, skips = functional.pixel_unshuffle(picture, STEM), []
        for level in self.encoder:
            x = level(functional.max_pool2d(x, 2) if skips else x)
            skips.append(x)
        for skip, up, level in zip(skips[-2::-1], self.up[::-1], self.decoder[::-1], strict=True):
            x = level(up(x) + skip)
        return functional.pixel_shuffle(self.out(x), STEM)


def _level(before: int, channels: int) -> nn.Sequential:
    options = {"norm": "batch", "act": "relu"}
    return nn.Sequential(Convolution(2, before, channels, **options),
                         ResidualUnit(2, channels, channels, subunits=2, **options),
                         Convolution(2, channels, channels, **options))
