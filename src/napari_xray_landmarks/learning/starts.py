"""A trained model whose weights a training begins from."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from torch import nn

from ..errors import InputError
from .weights import filled

_REMEDY = "Start from another model, or from none"


@dataclass(frozen=True, eq=False)
class Start:
    """The model, as it was read.

    Parameters
    ----------
    name
    landmarks
        Its names, in its order.
    settings
        Those that it was trained with.
    tensors
        Its arrays by name.
    """

    name: str
    landmarks: tuple[str, ...]
    settings: Mapping
    tensors: Mapping[str, np.ndarray]

    def describe(self) -> str:
        """Its name and a hash of its arrays, which tell it from others of that name."""
        digest = hashlib.sha256()
        for name in sorted(self.tensors):
            digest.update(name.encode() + np.ascontiguousarray(self.tensors[name]).tobytes())
        return f"{self.name} {digest.hexdigest()[:8]}"

    def require_landmarks(self, names: Sequence[str]) -> None:
        """Raise InputError where the model finds other landmarks than are to be learnt, or in another order."""
        if self.landmarks == tuple(names):
            return
        lacking = [n for n in names if n not in self.landmarks] or [n for n in self.landmarks if n not in names]
        what = f"{lacking[0]!r} is not in both" if lacking else "their order differs"
        raise InputError(f"model {self.name}", f"has {len(self.landmarks)} landmarks, the data {len(names)}: {what}",
                         _REMEDY)

    def fill(self, network: nn.Module, prefix: str) -> nn.Module:
        """The network with the model's weights of that name.

        Raises
        ------
        InputError
            The model's network has another form.
        """
        try:
            return filled(network, prefix, self.tensors)
        except (KeyError, ValueError) as error:
            reason = f"there is no {error.args[0]}" if isinstance(error, KeyError) else error
            raise InputError(f"model {self.name}", f"does not fit the network to train: {reason}",
                             "Leave stages, channels and network as they are in the model") from error
