"""Simulated films in napari: which layers can serve, the C-arm as a form's settings, and a patient read from layers."""

from dataclasses import asdict, dataclass, replace

import numpy as np

from ..drr.exposure import Exposure
from ..drr.live import live_arm, live_film, live_volume
from ..drr.prepared import PreparedVolume
from ..drr.projection import isocentre_of, label_names, label_surfaces, misses, outlines, project_landmarks
from ..drr.scene import Scene, scene
from ..drr.simulate import simulate
from ..errors import InputError
from ..geometry.camera import CArm
from ..geometry.views import view_name
from ..imaging import Radiograph, Volume
from ..io.geometry import geometry_document
from ..landmarks import Contour, LandmarkSet
from ..mesh import Mesh
from ..options import option
from .convert import contours_layer, image_layer, landmarks_in_world, landmarks_layer, volume_from_layer
from .films import is_result, our_metadata

LIVE_TRIANGLE_MM = 3.0
VIEW, DETECTOR, PLACE = "view", "detector", "place"


@dataclass(frozen=True)
class ArmSettings:
    """A C-arm as its form shows it; each field's metadata holds label, help, ends, unit and group.

    The isocentre is told from the middle of the landmarks, or of the CT.
    """

    lao_deg: float = option(0.0, "Tube to the patient's left; RAO, to the right, is negative",
                            label="LAO", low=-180.0, high=180.0, unit="°", group=VIEW)
    cran_deg: float = option(0.0, "Tube towards the head; CAUD, towards the feet, is negative",
                             label="CRAN", low=-90.0, high=90.0, unit="°", group=VIEW)
    roll_deg: float = option(0.0, "Turn of the detector about the beam",
                             label="roll", low=-180.0, high=180.0, unit="°", group=VIEW)
    source_to_isocentre_mm: float = option(
        750.0, "Along the beam",
        label="source to isocentre", low=300.0, high=1500.0, unit="mm", group=DETECTOR)
    source_to_detector_mm: float = option(1200.0, "Along the beam",
                                          label="source to detector", low=500.0, high=2000.0, unit="mm", group=DETECTOR)
    rows: int = option(479, "Pixels of the detector from top to bottom",
                       label="rows", low=32, high=3072, unit="px", group=DETECTOR)
    columns: int = option(615, "Pixels of the detector from left to right",
                          label="columns", low=32, high=3072, unit="px", group=DETECTOR)
    pixel_mm: float = option(0.616, "Size of a pixel at the detector",
                             label="pixel", low=0.05, high=3.0, unit="mm", group=DETECTOR, log=True)
    up_mm: float = option(0.0, "Isocentre from the middle of the landmarks or the CT",
                          label="towards the head", low=-400.0, high=400.0, unit="mm", group=PLACE)
    back_mm: float = option(0.0, "Isocentre from the middle of the landmarks or the CT",
                            label="towards the back", low=-400.0, high=400.0, unit="mm", group=PLACE)
    left_mm: float = option(0.0, "Isocentre from the middle of the landmarks or the CT",
                            label="towards the left", low=-400.0, high=400.0, unit="mm", group=PLACE)

    def arm(self, middle_mm) -> CArm:
        """The C-arm with its isocentre so far from `middle_mm`, (superior, posterior, left).

        Raises
        ------
        ValueError
            The isocentre is not between source and detector.
        """
        if self.source_to_isocentre_mm >= self.source_to_detector_mm:
            raise ValueError(f"the isocentre, {self.source_to_isocentre_mm:g} mm from the source, lies behind the "
                             f"detector at {self.source_to_detector_mm:g} mm")
        isocentre = np.asarray(middle_mm, dtype=float) + (self.up_mm, self.back_mm, self.left_mm)
        return CArm(self.lao_deg, self.cran_deg, self.roll_deg, self.source_to_isocentre_mm,
                    self.source_to_detector_mm, (self.pixel_mm,) * 2, (self.rows, self.columns),
                    tuple(isocentre.tolist()))


@dataclass(frozen=True, eq=False)
class Patient:
    """A CT read from layers, ready for previews and films.

    Parameters
    ----------
    name
        The CT layer's.
    ct
        In mm; its world is that of the layer.
    scene, live
        For films and for previews.
    surfaces, live_surfaces
        Of the bones among the labels, fine for films and coarse for previews.
    notes
        What had to be assumed, and why labels are left out.
    """

    name: str
    ct: Volume
    scene: Scene
    live: PreparedVolume
    surfaces: tuple[Mesh, ...] = ()
    live_surfaces: tuple[Mesh, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Picture:
    """A film or its preview, with what is known about it.

    Parameters
    ----------
    grey : (rows, columns) uint8 array
    arm
        Whose detector has as many pixels.
    landmarks
        In its pixels, or None.
    contours
        In its pixels.
    film
        The whole radiograph; None for a preview.
    exposure
        That of the film.
    blank
        Whether the beam misses the CT.
    """

    grey: np.ndarray
    arm: CArm
    landmarks: LandmarkSet | None
    contours: tuple[Contour, ...]
    film: Radiograph | None = None
    exposure: Exposure | None = None
    blank: bool = False


def why_not_a_ct(layer) -> str | None:
    """Why a layer cannot be simulated; "" for layers that nobody would ask about."""
    if type(layer).__name__ != "Image" or is_result(layer) or layer.ndim < 3:
        return ""
    if layer.rgb or layer.ndim > 3:
        return "a colour (RGB) image" if layer.rgb else f"{layer.ndim}D: take one 3D image"
    modality = our_metadata(layer).get("modality")
    return f"its modality is {modality}, and films are made of a CT" if modality not in (None, "", "CT") else None


def why_not_labels(layer) -> str | None:
    """"" for layers other than 3D labels."""
    return None if type(layer).__name__ == "Labels" and layer.ndim == 3 else ""


def why_not_landmarks(layer) -> str | None:
    """"" for layers other than 3D points, and for the C-arm's own."""
    return None if type(layer).__name__ == "Points" and layer.ndim == 3 and not is_result(layer) else ""


def landmarks_of_layer(layer) -> LandmarkSet | None:
    """The landmarks of a Points layer in mm, or None where there is none.

    Raises
    ------
    InputError
        Two have the same name.
    """
    if layer is None or not len(layer.data):
        return None
    data, attributes, _ = layer.as_layer_data_tuple()
    return replace(landmarks_in_world(data, attributes), unit="mm")


def read_patient(ct: tuple, labels: tuple | None) -> Patient:
    """A patient from the data tuples of an image layer and of a labels layer; labels that do not fit are left out.

    Raises
    ------
    InputError
        The image is no CT.
    """
    volume = volume_from_layer(*ct[:2])
    made, surfaces, notes = scene(volume), ((), ()), ()
    if labels is not None:
        try:
            image = volume_from_layer(*labels[:2])
            names = label_names(image, volume)
            coarse = max(1, round(LIVE_TRIANGLE_MM / max(image.spacing_mm)))
            surfaces = tuple(label_surfaces(image, names, step) for step in (1, coarse))
        except InputError as error:
            notes = (f"no outlines: {error}",)
    return Patient(volume.name, volume, made, live_volume(volume), *surfaces, (*made.notes, *notes))


def middle_of(patient: Patient, landmarks: LandmarkSet | None) -> tuple[float, float, float]:
    """What the C-arm's isocentre is told from."""
    return isocentre_of(patient.ct, landmarks)


def preview_of(patient: Patient, arm: CArm, landmarks: LandmarkSet | None, outlined: bool,
               exposure: Exposure | None = None) -> Picture:
    """A picture fast enough to follow a slider."""
    small = live_arm(arm)
    return _picture(live_film(patient.live, small, exposure), small, patient, landmarks, outlined)


def film_of_patient(patient: Patient, arm: CArm, landmarks: LandmarkSet | None, outlined: bool,
                    exposure: Exposure | None = None) -> Picture:
    """A picture with the whole film."""
    film = simulate(patient.scene, arm, exposure)
    film = replace(film, name=f"{patient.name} · {view_name(arm.lao_deg, arm.cran_deg)}")
    grey = np.rint(film.pixels * (255 / max(int(film.pixels.max()), 1))).astype(np.uint8)
    return _picture(grey, arm, patient, landmarks, outlined, film, exposure)


def _picture(grey, arm: CArm, patient: Patient, landmarks, outlined: bool, film=None, exposure=None) -> Picture:
    camera = arm.camera()
    seen = None if landmarks is None else project_landmarks(landmarks, camera)
    contours = ()
    if outlined:
        contours = tuple(outlines(patient.live_surfaces, camera, 0.0, fine=2) if film is None else
                         outlines(patient.surfaces, camera))
    return Picture(grey, arm, seen, contours, film, exposure, misses(patient.ct, camera))


def film_layers(picture: Picture, patient: Patient) -> list[tuple]:
    """The film as an image layer with its provenance, and what is known about it as further layers."""
    film = picture.film
    data, attributes, kind = image_layer(film)
    (key, notes), = attributes["metadata"].items()
    attributes["metadata"] = {key: {**notes, "simulated_from": patient.name, "geometry": geometry_document(picture.arm),
                                    "exposure": asdict(picture.exposure or Exposure())}}
    layers = [(data, attributes, kind)]
    about = {"source": film.name}
    if picture.contours:
        layers.append(contours_layer(picture.contours, f"{film.name} · outlines", spacing_mm=film.spacing_mm,
                                     notes=about))
    if picture.landmarks is not None:
        seen, there = picture.landmarks, picture.landmarks.detected
        on_film = LandmarkSet(tuple(np.array(seen.names)[there]), seen.points[there], seen.confidence[there])
        layers.append(landmarks_layer(on_film, f"{film.name} · true landmarks", spacing_mm=film.spacing_mm,
                                      notes=about))
    return layers
