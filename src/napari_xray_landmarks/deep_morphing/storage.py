"""A segmenter's parts as the tensors and header values of a model file."""

from collections.abc import Mapping, Sequence

import numpy as np

from ..shape.point_distribution import PointDistributionModel
from .evidence import Calibration
from .films import BONE, HEAD, MAPS
from .morphing import OutlineModel


def to_tensors(network, models: Sequence[OutlineModel], of_bone: Calibration, of_head: Calibration
               ) -> tuple[dict[str, np.ndarray], dict]:
    """Tensors, those of the network in half precision, and header values; inverse of `from_tensors`."""
    tensors = {f"network/{key}": _halved(value.detach().cpu().numpy()) for key, value in network.state_dict().items()}
    for i, model in enumerate(models):
        tensors |= model.shapes.to_tensors(f"shape/{i}/")
    tensors |= of_bone.to_tensors("sure/bone/") | of_head.to_tensors("sure/head/")
    return tensors, {
        "tasks": ["segment"], "maps": list(MAPS), "channels": list(network.channels),
        "models": [{"view": m.view, "has_shaft": m.has_shaft, "names": list(m.shapes.names),
                    "head": [m.head.start, m.head.stop]} for m in models],
        "evidence": {"bone": list(of_bone.names), "head": list(of_head.names)},
        "contours": [{"name": f"{BONE}-{side}", "landmarks": list(max((m.shapes.names for m in models), key=len)),
                      "closed": True, "open_edges": [[len(max((m.shapes.names for m in models), key=len)) - 1, 0]]}
                     for side in ("left", "right")],
        "circles": [f"{HEAD}-{side}" for side in ("left", "right")],
    }


def from_tensors(extra: Mapping, tensors: Mapping[str, np.ndarray]):
    """Network, shape models and calibrations from a model file.

    Raises
    ------
    KeyError, ValueError
        They do not fit.
    """
    import torch

    from .network import FusionNet

    if list(extra["maps"]) != list(MAPS):
        raise ValueError(f"its maps are {extra['maps']}, not {list(MAPS)}")
    network = FusionNet(len(MAPS), [int(n) for n in extra["channels"]])
    state = {key.removeprefix("network/"): torch.from_numpy(np.array(value, np.float32 if value.dtype.kind == "f" else
                                                                     value.dtype))
             for key, value in tensors.items() if key.startswith("network/")}
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise ValueError(str(error).splitlines()[-1].strip()) from error
    network.eval().to(memory_format=torch.channels_last)
    models = tuple(OutlineModel(str(m["view"]), bool(m["has_shaft"]),
                                PointDistributionModel.from_tensors(tensors, m["names"], f"shape/{i}/"),
                                slice(*map(int, m["head"]))) for i, m in enumerate(extra["models"]))
    of_bone, of_head = (Calibration.from_tensors(extra["evidence"][name], tensors, f"sure/{name}/")
                        for name in ("bone", "head"))
    return network, models, of_bone, of_head


def _halved(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float16) if array.dtype.kind == "f" else array
