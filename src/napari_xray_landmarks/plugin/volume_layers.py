"""The segmentation of a volume as ordinary layers: labels, stages, landmarks and bone surfaces; updated in place."""

from dataclasses import asdict

import numpy as np

from .. import __version__
from ..shape.volume_segmentation import Structure, VolumeSegmentation
from .convert import world_axes
from .films import frame_in_mm, frame_of, note, our_metadata
from .frames import KEY, mm_per_unit
from .labels import names_of
from .results import layer_id, results_of
from .session import remember
from .styles import BARE_BONE, STRUCTURES, ResponseStyle, symbols
from .volumes import LABELS, LiveVolume, SegmentedVolume, labels_layer_of, segment_volumes_in

STAGE, LANDMARKS, SURFACE = "volume stage", "shape landmarks", "bone surface"
THICKNESS, STRUCTURE = "cartilage thickness", "structure"
STAGES = {"slices": "2D networks", "slices probability": "2D networks, probability", "local": "3D networks",
          "merged": "2D and 3D merged", "probability": "merged, probability"}
POINT_MM, OPACITY = 3.0, 0.55
_BARE = 0.02  # of the colours of a thickness: no cartilage


def segment_to_show(searches: list, model_path: str, settings, progress):
    """`volumes.segment_volumes_in`, and what napari draws labels with compiled beside the window: a second, once."""
    import pandas  # noqa: F401  napari keeps what it tells of labels in its tables

    found, failures = segment_volumes_in(searches, model_path, settings, progress)
    for segmented in found:
        _label_colours(segmented.live.found.structures).map(segmented.labels[:1, :1, 0])
    return found, failures


def show_volume(viewer, segmented: SegmentedVolume) -> None:
    """Put a volume's segmentation into the layers that are there or new ones; what no longer exists is removed."""
    live, image = segmented.live, segmented.search.image
    found, header = live.found, live.model.header
    facts = {"source": image.name, "source_id": layer_id(image), "model": header.name,
             "model_version": header.package_version, "settings": asdict(live.settings),
             "package_version": __version__}
    stage = stage_of(viewer, image)
    layer = _show_labels(viewer, image, segmented, facts)
    _show_landmarks(viewer, image, found, facts)
    update_surfaces(viewer, image, found, facts)
    remember(layer, live)
    if stage is not None:
        show_stage(viewer, image, live, stage if stage in found.stages else None)
    viewer.layers.selection.active = layer


def colours_of(structures: tuple[Structure, ...]) -> dict[int, np.ndarray]:
    """(4,) RGBA colours by label: the model's own, or those of our list where it has none."""
    from napari.utils.colormaps.standardize_color import transform_color

    own = any(structure.colour != (1.0, 1.0, 1.0) for structure in structures)
    return {s.label: np.array([*s.colour, 1.0]) if own else transform_color(STRUCTURES[i % len(STRUCTURES)])[0]
            for i, s in enumerate(structures)}


def _show_labels(viewer, image, segmented: SegmentedVolume, facts: dict):
    found = segmented.live.found
    notes = {"kind": LABELS, "stored_axes": our_metadata(image).get("stored_axes") or (0, 1, 2),
             "structures": {s.name: s.label for s in found.structures}, **facts}
    layer = labels_layer_of(viewer, image)
    if layer is not None and layer.data.shape == segmented.labels.shape:
        layer.data = segmented.labels
        if our_metadata(layer)["structures"] != notes["structures"]:
            layer.colormap = _label_colours(found.structures)
        note(layer, **notes)
    else:
        if layer is not None:
            viewer.layers.remove(layer)
        layer = viewer.add_labels(segmented.labels, name=f"{image.name} · labels", opacity=OPACITY,
                                  colormap=_label_colours(found.structures), metadata={KEY: notes}, **frame_of(image))
        viewer.layers.move(viewer.layers.index(layer), viewer.layers.index(image) + 1)
    layer.features = _label_features(found)
    return layer


def _label_colours(structures: tuple[Structure, ...]):
    from napari.utils.colormaps import DirectLabelColormap

    return DirectLabelColormap(color_dict={None: "white", 0: "transparent", **colours_of(structures)})


def _label_features(found: VolumeSegmentation):
    """One row a label, the background first: napari tells them at the cursor."""
    import pandas as pd

    return pd.DataFrame({"index": [0, *(s.label for s in found.structures)],
                         "name": ["background", *(s.name for s in found.structures)],
                         "volume_ml": [np.nan, *(s.volume_ml for s in found.structures)],
                         "confidence": [np.nan, *(s.confidence for s in found.structures)]})


def update_features(viewer, image, found: VolumeSegmentation) -> None:
    """Tell what was measured anew at the labels."""
    if (layer := labels_layer_of(viewer, image)) is not None:
        layer.features = _label_features(found)


def stage_of(viewer, image) -> str | None:
    """The stage that is shown in place of the result, or None."""
    shown = results_of(viewer, image, STAGE)
    return our_metadata(shown[-1]).get("stage") if shown else None


def show_stage(viewer, image, live: LiveVolume, name: str | None) -> None:
    """Show the labels after a stage in place of the result; None shows the result again."""
    for layer in results_of(viewer, image, STAGE):
        viewer.layers.remove(layer)
    labels = labels_layer_of(viewer, image)
    if labels is not None:
        labels.visible = name is None
    if name is None:
        return
    active = viewer.layers.selection.active
    layer = _add_stage(viewer, image, live.found, name)
    viewer.layers.move(viewer.layers.index(layer), viewer.layers.index(image) + 1)
    viewer.layers.selection.active = active


def _add_stage(viewer, image, found: VolumeSegmentation, name: str):
    """A layer with the labels after a stage, or with probabilities, on a grid of its own."""
    stage, factors = found.stages[name], mm_per_unit({"units": image.units}, 3)
    axes = world_axes(stage.world_from_voxel)
    matrix = stage.world_from_voxel[:, [*axes, 3]]
    notes = {"kind": STAGE, "stage": name, "source": image.name, "source_id": layer_id(image), "stored_axes": axes}
    common = {"name": f"{image.name} · {STAGES.get(name, name)}", "units": tuple(image.units),
              "affine": matrix if factors is None else np.diag([*1 / factors, 1.0]) @ matrix,
              "axis_labels": tuple(image.axis_labels), "metadata": {KEY: notes}}
    voxels = np.array(stage.voxels.transpose(axes))
    if np.issubdtype(voxels.dtype, np.floating):
        return viewer.add_image(voxels.astype(np.float32), contrast_limits=(0.0, 1.0), **common,
                                **ResponseStyle().layer_kwargs())
    layer = viewer.add_labels(voxels, opacity=OPACITY, colormap=_label_colours(found.structures),
                              features=_label_features(found)[["index", "name"]], **common)
    layer.editable = False
    return layer


def _show_landmarks(viewer, image, found: VolumeSegmentation, facts: dict) -> None:
    marks, layers = found.landmarks, results_of(viewer, image, LANDMARKS)
    layer = layers[-1] if layers else None
    if layer is not None and names_of(layer) != marks.names:
        viewer.layers.remove(layer)
        layer = None
    if not len(marks):
        return
    shown = np.isfinite(marks.points).all(1)
    points = np.where(shown[:, None], marks.points, 0.0)
    if layer is None:
        layer = viewer.add_points(
            points, name=f"{image.name} · shape landmarks", size=POINT_MM, shading="spherical",
            face_color=_landmark_colours(found), border_color="black", border_width=0.1,
            features=_landmark_features(marks), symbol=symbols(marks.detected),
            text={"string": "{name}", "visible": False, "size": 9, "color": "white"},
            metadata={KEY: {"kind": LANDMARKS, **facts}}, **frame_in_mm(image))
        _as_balls(layer)
    else:
        layer.data, layer.features, layer.symbol = points, _landmark_features(marks), symbols(marks.detected)
        note(layer, **facts)
    layer.shown = shown


def _as_balls(layer) -> None:
    """Let a slice show the points that it cuts as balls of their size."""
    try:
        layer.projection_mode = "rescale_spherical"
    except (AttributeError, ValueError):  # before napari 0.9
        layer.out_of_slice_display = True


def _landmark_features(marks):
    import pandas as pd

    return pd.DataFrame({"name": list(marks.names), "confidence": np.array(marks.confidence),
                         "detected": np.array(marks.detected)})


def _landmark_colours(found: VolumeSegmentation) -> np.ndarray:
    """(N, 4) colours of the landmarks' bones: a landmark is called after its bone."""
    colours, bones = colours_of(found.structures), sorted(found.structures, key=lambda s: -len(s.name))
    owners = [next((s for s in bones if name.startswith(s.name)), None) for name in found.landmarks.names]
    return np.array([np.ones(4) if owner is None else colours[owner.label] for owner in owners])


def surfaces_of(viewer, image) -> dict:
    """The Surface layers of a volume's bones, by bone."""
    return {our_metadata(layer)["bone"]: layer for layer in results_of(viewer, image, SURFACE)}


def update_surfaces(viewer, image, found: VolumeSegmentation, facts: dict | None = None) -> None:
    """Bring the bones' surfaces up to date, with the cartilage's thickness at each vertex."""
    layers = surfaces_of(viewer, image)
    by = coloured_by(viewer, image)
    for bone, layer in layers.items():
        if bone not in found.surfaces:
            viewer.layers.remove(layer)
    active = viewer.layers.selection.active
    for bone, mesh in found.surfaces.items():
        values = thickness_on(found, bone)
        data = (np.array(mesh.vertices), np.array(mesh.faces), np.nan_to_num(values))
        if bone in layers:
            layers[bone].data = data
        else:
            notes = {"kind": SURFACE, "bone": bone, "source": image.name, "source_id": layer_id(image)}
            viewer.add_surface(data, name=f"{image.name} · {bone} surface", shading="smooth", metadata={KEY: notes},
                               visible=viewer.dims.ndisplay == 3, **frame_in_mm(image))
        note(surfaces_of(viewer, image)[bone], **(facts or {}))
    viewer.layers.selection.active = active
    colour_surfaces(viewer, image, found, by or (THICKNESS if found.thickness else STRUCTURE))


def thickness_on(found: VolumeSegmentation, bone: str) -> np.ndarray:
    """(N,) mm of the cartilages at each vertex of a bone's surface; NaN where there is none."""
    values = np.full(len(found.surfaces[bone].vertices), np.nan)
    for cartilage, thickness in found.thickness.items():
        if found.surface_under(cartilage) == bone:
            values = np.fmax(values, thickness)
    return values


def thickest_mm(found: VolumeSegmentation) -> float:
    """The end of the colours of thickness: more than all but the thickest hundredth, in half mm."""
    known = [t[np.isfinite(t)] for t in found.thickness.values()]
    known = np.concatenate(known) if known else np.empty(0)
    return max(float(np.ceil(2 * np.percentile(known, 99))) / 2, 0.5) if known.size else 0.5


def coloured_by(viewer, image) -> str | None:
    """What a volume's surfaces are coloured by; None without surfaces."""
    return next((our_metadata(layer).get("coloured_by") for layer in surfaces_of(viewer, image).values()), None)


def colour_surfaces(viewer, image, found: VolumeSegmentation, by: str) -> None:
    """Colour the bones by the thickness of their cartilage or by structure; colours that a user chose stay."""
    colours, top = colours_of(found.structures), thickest_mm(found)
    for bone, layer in surfaces_of(viewer, image).items():
        if our_metadata(layer).get("coloured_by") != by:
            label = next((s.label for s in found.structures if bone.startswith(s.name)), None)
            layer.colormap = thickness_colours() if by == THICKNESS else _one_colour(bone, colours.get(label))
            note(layer, coloured_by=by)
        layer.contrast_limits_range = (0.0, max(top, float(layer.vertex_values.max())))
        layer.contrast_limits = (0.0, top)


def thickness_colours():
    """From nothing, the colour of bare bone, to the thickest."""
    from napari.utils.colormaps import Colormap, ensure_colormap
    from napari.utils.colormaps.standardize_color import transform_color

    bare, steps = transform_color(BARE_BONE), np.linspace(0, 1, 64)
    return Colormap(np.concatenate([bare, bare, ensure_colormap("plasma").map(steps)]), name="thickness",
                    controls=[0.0, _BARE, *(_BARE + 1e-3 + (1 - _BARE - 1e-3) * steps)])


def _one_colour(name: str, colour):
    from napari.utils.colormaps import Colormap

    colour = np.ones(4) if colour is None else colour
    return Colormap([colour, colour], name=f"{name} colour")
