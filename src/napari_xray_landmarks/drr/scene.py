"""A patient ready for any number of views: a CT by what its voxels are made of, and the metal that is put into it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..geometry.camera import Camera
from ..imaging import Volume
from .attenuation import MATERIALS, mass_attenuation
from .hounsfield import in_hounsfield, sparse
from .prepared import PreparedVolume, prepare
from .render import render
from .tools import Tool, carve, thickness, tool_of

CT_KEV = 72.0  # effective energy of the scanner that HU come from
BONE_HU = 150.0  # bone from here on, where there are no labels
LABELLED_BONE_HU, OTHER_BONE_HU = 60.0, 300.0  # where there are: in labelled bones, and where nothing is labelled
BONE_TENTH_HU = 220.0  # a labelled structure is bone if its densest tenth is denser
BONE_LEVELS_HU = (450.0, 900.0)  # spongy below, dense above
METAL_HU = 2600.0
CLIPPED_HU = 4000.0  # scanners that store 12 bits end below: metal is denser than they say


@dataclass(frozen=True)
class Tissue:
    """A mixture of tabulated materials.

    Parameters
    ----------
    name
    shares
        Material and its share of the mass; they add up to one.
    """

    name: str
    shares: tuple[tuple[str, float], ...]

    def mass_attenuation(self, energy_kev) -> np.ndarray:
        """In cm2/g."""
        return sum(share * mass_attenuation(material, energy_kev) for material, share in self.shares)


def _mixed(name: str, hu: float) -> Tissue:
    """Bone of a density in HU, as cortical bone and soft tissue."""
    water, soft, bone = (MATERIALS[m][0] * mass_attenuation(m, CT_KEV) for m in ("water", "soft tissue", "bone"))
    volume = float(np.clip(((1 + hu / 1000) * water - soft) / (bone - soft), 0, 1))
    mass = volume * MATERIALS["bone"][0], (1 - volume) * MATERIALS["soft tissue"][0]
    share = mass[0] / sum(mass)
    return Tissue(name, (("bone", share), ("soft tissue", 1 - share)))


TISSUES = (
    Tissue("soft tissue", (("soft tissue", 1.0),)),
    _mixed("spongy bone", 300.0),
    _mixed("bone", 650.0),
    _mixed("dense bone", 1300.0),
    Tissue("titanium", (("titanium", 1.0),)),
)
METAL = len(TISSUES) - 1


@dataclass(frozen=True, eq=False)
class Scene:
    """Everything about a patient that does not depend on the view; from `scene`.

    Parameters
    ----------
    prepared
        Densities in g/cm3, with the numbers of the tissues where there are several.
    tissues
        What they are.
    tools
        Metal that is not among the voxels.
    name
    notes
        What had to be assumed or changed, one line each.
    """

    prepared: PreparedVolume
    tissues: tuple[Tissue, ...] = TISSUES
    tools: tuple[Tool, ...] = ()
    name: str = "volume"
    notes: tuple[str, ...] = ()

    @property
    def materials(self) -> tuple[Tissue, ...]:
        """The tissues, then the metals of the tools: what `line_integrals` are of."""
        return self.tissues + tuple(Tissue(m, ((m, 1.0),)) for m in self._metals)

    @property
    def _metals(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(tool.material for tool in self.tools))

    def line_integrals(self, camera: Camera) -> np.ndarray:
        """(materials, rows, columns) float32 line integrals of density, in g/cm3 times mm."""
        sums = render(self.prepared, camera)
        sums = sums if sums.ndim == 3 else sums[None]
        if not self.tools:
            return sums
        metals = np.zeros((len(self._metals), *camera.size_px), np.float32)
        for tool in self.tools:
            metals[self._metals.index(tool.material)] += np.float32(tool.density) * thickness(tool, camera)
        return np.concatenate([sums, metals])


def scene(ct: Volume, *, labels: Volume | None = None, implants: Sequence = ()) -> Scene:
    """A scene of a CT.

    Parameters
    ----------
    ct
        In HU, or with an offset that can be told.
    labels
        On the CT's grid, of bones and other structures: a labelled bone is bone down to lower densities, what else
        is labelled is none.
    implants
        Tools, or what `tools.tool_of` makes one of; they take the place of the tissue where they are.

    Raises
    ------
    InputError
        The volume is no CT, or the labels are on another grid.
    """
    hu, notes = in_hounsfield(ct)
    numbers = _numbers(hu, labels, ct)
    density = _densities(hu, numbers)
    used = int(numbers.max()) + 1
    tools = tuple(tool_of(implant) for implant in implants)
    for tool in tools:
        carve(density, ct.world_from_voxel, tool)
    prepared = prepare(Volume(density, ct.world_from_voxel, ct.name), numbers if used > 1 else None)
    return Scene(prepared, TISSUES[:used], tools, ct.name, notes)


def _numbers(hu: np.ndarray, labels: Volume | None, ct: Volume) -> np.ndarray:
    """Which of `TISSUES` each voxel is."""
    numbers = np.zeros(hu.shape, np.uint8)
    for level in (BONE_HU, *BONE_LEVELS_HU, METAL_HU):
        numbers += hu >= level
    if labels is None:
        return numbers
    values = _label_values(labels, ct)
    bones = np.isin(values, _bones(hu, values))
    numbers[bones & (numbers == 0) & (hu >= LABELLED_BONE_HU)] = 1
    soft = np.where(values > 0, METAL_HU, OTHER_BONE_HU)
    numbers[~bones & (hu < soft)] = 0
    return numbers


def _label_values(labels: Volume, ct: Volume) -> np.ndarray:
    if labels.shape != ct.shape or not np.allclose(labels.world_from_voxel, ct.world_from_voxel, atol=1e-2):
        grids = [f"{v.shape} voxels of {np.round(v.spacing_mm, 3).tolist()} mm" for v in (labels, ct)]
        raise InputError(labels.name, f"its grid, {grids[0]}, is not that of {ct.name}, {grids[1]}, or lies elsewhere",
                         "Resample the labels to the CT")
    values = np.asarray(labels.voxels)
    if values.min() < 0 or (values.dtype.kind == "f" and (values != np.round(values)).any()):
        raise InputError(labels.name, f"labels are whole numbers from 0, it holds {values.min():g} to {values.max():g}",
                         "Choose the label volume")
    return values


def _bones(hu: np.ndarray, labels: np.ndarray) -> list:
    """The labels of bones: what has some dense parts."""
    hu, labels = sparse(hu), sparse(labels)
    return [label for label in np.unique(labels)
            if label > 0 and np.quantile(hu[labels == label], 0.9) > BONE_TENTH_HU]


def _densities(hu: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """g/cm3 that give the CT's own attenuation at its energy, in the place of the HU; clipped metal is solid."""
    water = MATERIALS["water"][0] * mass_attenuation("water", CT_KEV)
    metal = hu[numbers == METAL]
    clipped = len(metal) and np.quantile(metal, 0.95) < CLIPPED_HU
    hu += 1000
    np.maximum(hu, 0, out=hu)
    hu *= np.array([0.001 * water / t.mass_attenuation(CT_KEV) for t in TISSUES], np.float32)[numbers]
    if clipped:
        hu[numbers == METAL] = MATERIALS[TISSUES[METAL].name][0]
    return hu
