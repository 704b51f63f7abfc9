"""The networks: the paper's, and the two of the default, which find vertebrae first and then their corners.

Images are (films, channels, rows, columns) tensors. The default's are MONAI's U-Net behind a stem that quarters the
resolution, at which a processor would spend most of its time.
"""

import torch
from monai.networks.nets import BasicUNet
from torch import Tensor, nn

STRIDE = 4  # px of the input to a cell of the output
CORNERS = 4
_SLOPE = 0.1  # of the leaky ReLUs


class PublishedNetwork(nn.Module):
    """The paper's network (Imran et al., section 3 and figure 1b).

    Five blocks of two 3 x 3 convolutions and 2 x 2 max pooling with 16 to 256 features, each followed by batch
    normalisation and dropout of 0.25; fully connected layers of 512, 512 and 2 n; leaky ReLU throughout.

    Parameters
    ----------
    corners
        Number of landmarks n.
    shape
        (rows, columns) of the input, 1024 x 512 in the paper; multiples of 32. Its first fully connected layer then has
        67 million weights; an input of half the side has a quarter of them.
    """

    FEATURES = (16, 32, 64, 128, 256)

    def __init__(self, corners: int, shape: tuple[int, int] = (1024, 512)):
        super().__init__()
        if shape[0] % 32 or shape[1] % 32:
            raise ValueError(f"the input's sides must be multiples of 32, got {shape}")
        before = (1, *self.FEATURES[:-1])
        self.blocks = nn.Sequential(*(self._block(a, b) for a, b in zip(before, self.FEATURES, strict=True)))
        flat = self.FEATURES[-1] * (shape[0] // 32) * (shape[1] // 32)
        self.head = nn.Sequential(
            nn.Flatten(), nn.Linear(flat, 512), nn.LeakyReLU(), nn.Linear(512, 512), nn.LeakyReLU(),
            nn.Linear(512, 2 * corners))

    @staticmethod
    def _block(inputs: int, features: int) -> nn.Sequential:
        return nn.Sequential(
            nn.Conv2d(inputs, features, 3, padding=1), nn.LeakyReLU(),
            nn.Conv2d(features, features, 3, padding=1), nn.LeakyReLU(),
            nn.MaxPool2d(2), nn.BatchNorm2d(features), nn.Dropout(0.25))

    def forward(self, images: Tensor) -> Tensor:
        """(films, n, 2) corners from images in [0, 1]: (row, column) as parts of the input's rows.

        The convolutions are done in bfloat16, in half the time; coordinates need the head's single precision.
        """
        with torch.autocast("cpu", torch.bfloat16):
            features = self.blocks(images.contiguous(memory_format=torch.channels_last))
        return self.head(features.float()).view(len(images), -1, 2)


class VertebraNetwork(nn.Module):
    """Finds vertebrae in a whole film: where their centres are, which they are, and roughly their corners.

    Centres and corner offsets follow Yi et al. (ISBI 2020); the level is ours. One cell of the output is four pixels.

    Parameters
    ----------
    levels
        How many vertebrae a film shows at most: 17 from T1 to L5.
    """

    def __init__(self, levels: int):
        super().__init__()
        self.levels = levels
        self.layers = _quarter_u_net(2, 1 + 2 * CORNERS + levels)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What the film shows in each cell.

        Parameters
        ----------
        images : (films, 2, rows, columns) tensor
            Of `sampling.with_local_contrast`.

        Returns
        -------
        centre : (films, 1, rows / 4, columns / 4) tensor
            Logits.
        offsets : (films, 4, 2, rows / 4, columns / 4) tensor
            Corners from the cell, in cells.
        level : (films, levels, rows / 4, columns / 4) tensor
            Logits.
        """
        out = self.layers(images).float()
        offsets = out[:, 1:1 + 2 * CORNERS].unflatten(1, (CORNERS, 2))
        return out[:, :1], offsets, out[:, 1 + 2 * CORNERS:]


class CornerNetwork(nn.Module):
    """Finds the four corners of the vertebra in the middle of an upright crop."""

    def __init__(self):
        super().__init__()
        self.layers = _quarter_u_net(1, CORNERS)

    def forward(self, crops: Tensor) -> Tensor:
        """(crops, 4, h, w) logits of each corner's place, h and w a quarter of the input's."""
        return self.layers(crops).float()


def probabilities(logits: Tensor) -> Tensor:
    """(..., h, w) logits of a place as probabilities that sum to 1."""
    return logits.flatten(-2).softmax(-1).view_as(logits)


def expectation(maps: Tensor, stride: int = STRIDE) -> Tensor:
    """Soft-argmax: (..., 2) mean (row, column) in pixels of the input, of (..., h, w) probabilities."""
    rows = (maps.sum(-1) * _centres(maps.shape[-2], stride, maps)).sum(-1)
    columns = (maps.sum(-2) * _centres(maps.shape[-1], stride, maps)).sum(-1)
    return torch.stack([rows, columns], -1)


def gaussians(points: Tensor, shape: tuple[int, int], sigma, stride: int = STRIDE) -> Tensor:
    """(..., h, w) bells of height 1 around (..., 2) points in pixels of the input; `sigma` (...) in cells."""
    sigma = torch.as_tensor(sigma, dtype=points.dtype, device=points.device)[..., None] * stride
    parts = [torch.exp(-0.5 * ((_centres(n, stride, points) - points[..., axis, None]) / sigma) ** 2)
             for axis, n in enumerate(shape)]
    return parts[0][..., :, None] * parts[1][..., None, :]


def _centres(count: int, stride: int, like: Tensor) -> Tensor:
    """Places of the cells' centres along one axis, in pixels of the input."""
    return (torch.arange(count, dtype=like.dtype, device=like.device) + 0.5) * stride - 0.5


def _half(inputs: int, features: int, size: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, features, size, stride=2, padding=size // 2, bias=False),
                         nn.BatchNorm2d(features), nn.LeakyReLU(_SLOPE, inplace=True))


def _quarter_u_net(inputs: int, outputs: int) -> nn.Sequential:
    act = ("leakyrelu", {"inplace": True, "negative_slope": _SLOPE})
    u_net = BasicUNet(2, 32, outputs, (32, 48, 64, 96, 128, 32), act=act, norm="batch", bias=False,
                      upsample="nontrainable")
    return nn.Sequential(_half(inputs, 16, 5), _half(16, 32, 3), u_net)
