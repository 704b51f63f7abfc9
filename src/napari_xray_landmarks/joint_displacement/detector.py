"""Landmarks in a whole film: the pose from nothing, then every subshape, coarse to fine."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..errors import InputError, ModelError
from ..geometry.similarity import apply, invert, similarity_from_points
from ..imaging import Radiograph, Response, check_film
from ..landmarks import LandmarkSet
from ..options import from_known
from ..shape.segmentation import Segmentation
from .checks import check_plausible
from .outlines import OutlineModel
from .outlines import from_tensors as outlines_from_tensors
from .patches import PatchModel, from_tensors
from .pose import Pose, find_pose
from .sampling import LevelImage, Pyramid, sample_centres
from .search import Search, by_landmark
from .segmentation import segment
from .settings import JointDisplacementSettings, names_of_group
from .subshape import Subshape
from .threads import one_thread, side_by_side

MIN_SIDE_PX = 16


@dataclass(frozen=True, eq=False)
class Detection:
    """What was found in one film.

    Parameters
    ----------
    landmarks
        In pixels.
    responses
        Response image of each landmark, by name.
    subshapes
        Ready to be estimated again with other settings.
    image_from_model : (3, 3) array
        The pose of the mean shape.
    doubt
        Why the film may not show what the model looks for; "" where nothing speaks for that.
    """

    landmarks: LandmarkSet
    responses: Mapping[str, Response]
    subshapes: tuple[Subshape, ...]
    image_from_model: np.ndarray
    doubt: str = ""


@dataclass(frozen=True, eq=False)
class Detector:
    """A trained model, ready to search films.

    Parameters
    ----------
    names
        Of the landmarks.
    model
        What training found.
    settings
        What it was trained with, and the defaults for detection.
    outlines
        Which landmarks make outlines of bones; None where it only detects.
    """

    names: tuple[str, ...]
    model: PatchModel
    settings: JointDisplacementSettings
    outlines: OutlineModel | None = None

    def detect(self, radiograph: Radiograph, settings: JointDisplacementSettings | None = None, *, seed: int = 0,
               progress=None) -> Detection:
        """Find the landmarks in a film, with no initial position given.

        Parameters
        ----------
        radiograph
            The film.
        settings
            Other than the model's own; those of the group "training" must be the model's.
        seed
            Of the places where patches are sampled; the same seed gives the same result.
        progress
            Called as `progress(fraction, stage)`; may raise `errors.Cancelled`.

        Raises
        ------
        ModelError
            If a setting asks for what the model was not trained for.
        InputError
            If the film is too small, constant or not finite.
        """
        settings = settings or self.settings
        return self.detection(self._searched(radiograph, settings, seed, progress), settings)

    @one_thread()
    def segment(self, radiograph: Radiograph, settings: JointDisplacementSettings | None = None, *, seed: int = 0,
                progress=None) -> Segmentation:
        """Outline the bones in a film; the arguments and errors of `detect`."""
        settings = settings or self.settings
        if self.outlines is None:
            raise ModelError("model", "it was trained to detect landmarks only", "Train one on films with contours")
        return segment(self._searched(radiograph, settings, seed, progress), self.model, self.outlines, self.names,
                       settings)

    def _searched(self, radiograph: Radiograph, settings: JointDisplacementSettings, seed: int, progress) -> Search:
        self._check(settings)
        check_film(radiograph, MIN_SIDE_PX)
        try:
            return self.search(Pyramid.of(radiograph.pixels), radiograph.spacing_mm, settings, progress, seed)
        except InputError as error:
            raise InputError(radiograph.name, error.problem, error.remedy) from error

    def detect_in(self, pyramid: Pyramid, spacing_mm, settings: JointDisplacementSettings, progress=None,
                  seed: int = 0) -> Detection:
        """As `detect`, in a film that was read already."""
        return self.detection(self.search(pyramid, spacing_mm, settings, progress, seed), settings)

    def detect_from(self, pyramid: Pyramid, image_from_model: np.ndarray, settings: JointDisplacementSettings,
                    progress, seed: int = 0) -> Detection:
        """Find the landmarks near a pose that is known roughly."""
        pose = Pose(image_from_model, float("nan"))
        return self.detection(self.search_from(pyramid, pose, settings, progress, seed), settings)

    @one_thread()
    def search(self, pyramid: Pyramid, spacing_mm, settings: JointDisplacementSettings, progress=None,
               seed: int = 0) -> Search:
        """Look for all landmarks in a film, with no initial position given."""
        report = progress or (lambda fraction, stage: None)
        pose = find_pose(pyramid, self.model, settings.cell, settings.rotation, spacing_mm,
                         lambda fraction, stage: report(0.3 * fraction, stage))
        return self.search_from(pyramid, pose, settings, lambda fraction, stage: report(0.3 + 0.7 * fraction, stage),
                                seed)

    @one_thread()
    def search_from(self, pyramid: Pyramid, pose: Pose, settings: JointDisplacementSettings, progress,
                    seed: int = 0) -> Search:
        """Look for all landmarks near a pose, from the coarsest to the finest level."""
        image_from_model, shape, levels = pose.image_from_model, self.model.formation.mean, len(self.model.levels)
        generator = np.random.default_rng(seed)
        for level in range(levels):
            subshapes, believed = self._search_level(
                pyramid, image_from_model, shape, level, settings, generator,
                lambda part, level=level: progress((level + part) / levels, f"level {level + 1} of {levels}"))
            found = self._choose(subshapes, believed, settings)
            image_from_model = similarity_from_points(self.model.formation.mean, found)
            shape = apply(invert(image_from_model), found)
        for subshape in subshapes:
            subshape.shape = apply(invert(subshape.image_from_level), found)
        return Search(pyramid.shape, tuple(subshapes), tuple(believed), image_from_model, pose.score)

    def _search_level(self, pyramid, image_from_model, shape, level, settings, generator, report):
        """All subshapes at one level, with the response images of each."""
        image = self._level_image(pyramid, image_from_model, shape, level, settings)
        count = len(self.model.subshapes)

        def search(job):
            number, own_generator = job
            subshape = self._subshape(image, image_from_model, shape, level, number, settings, own_generator)
            return subshape, subshape.densities(subshape.votes(settings), settings)

        image.integral  # noqa: B018  once, before the threads ask for it
        searched = side_by_side(search, enumerate(generator.spawn(count)), lambda done: report(done / count))
        return zip(*searched, strict=True)

    def _level_image(self, pyramid, image_from_model, shape, level, settings) -> LevelImage:
        margin = 2 * settings.search_range + 2 * settings.cell
        return LevelImage.around(pyramid, image_from_model, self.model.resolutions[level], shape, margin)

    def _subshape(self, image, image_from_model, shape, level, number, settings, generator) -> Subshape:
        """Sample a subshape's patches in the film."""
        numbers, patches = self.model.subshapes[number], self.model.levels[level][number]
        level_from_model = invert(image.image_from_level) @ image_from_model
        everywhere = apply(level_from_model, shape)
        expected = everywhere[list(numbers)]
        centres = sample_centres(expected, settings.search_range, settings.patches, generator)
        features = patches.describe(image.features(centres, settings.cell))
        return Subshape(tuple(self.names[i] for i in numbers), numbers, self.model, patches, features, centres,
                        expected, everywhere, image.image_from_level, level_from_model, settings.search_range)

    def _choose(self, subshapes, densities, settings) -> np.ndarray:
        """All landmarks in film pixels: the response images' peaks that fit the whole shape."""
        first = subshapes[0]
        chosen = self.model.formation.choose(by_landmark(subshapes, densities), first.shape, first.level_from_model,
                                             settings.shape)
        return apply(first.image_from_level, chosen)

    def detection(self, search: Search, settings: JointDisplacementSettings) -> Detection:
        """The landmarks that a search found."""
        points, confidence = np.full((len(self.names), 2), np.nan), np.zeros(len(self.names))
        responses = {}
        for subshape, densities in zip(search.subshapes, search.densities, strict=True):
            found = subshape.shape[list(subshape.numbers)]
            places, sure = apply(subshape.image_from_level, found), subshape.confidence(densities, found)
            for i, name in enumerate(subshape.names):
                if name not in responses:
                    points[subshape.numbers[i]], confidence[subshape.numbers[i]] = places[i], sure[i]
                    responses[name] = subshape.response(densities[i])
        on_film = ((points >= -0.5) & (points <= np.array(search.film_shape) - 0.5)).all(1)
        landmarks = LandmarkSet(self.names, points, confidence, on_film & (confidence >= settings.threshold))
        return Detection(landmarks, responses, search.subshapes, search.image_from_model,
                         self.model.formation.doubt(points))

    def _check(self, settings: JointDisplacementSettings) -> None:
        for name in names_of_group("training"):
            asked, own = getattr(settings, name), getattr(self.settings, name)
            if asked != own:
                raise ModelError("settings", f"{name} = {asked} but the model was trained with {own}",
                                 f"Leave {name} out, or train a model with it")


def load(header, tensors: Mapping[str, np.ndarray]) -> Detector:
    """The detector in a model file; ValueError or KeyError where its arrays do not fit together."""
    model = from_tensors(tensors)
    check_plausible(model)
    if len(model.formation.mean) != len(header.landmarks):
        raise ValueError(f"{len(header.landmarks)} landmark names for {len(model.formation.mean)} points")
    outlines = outlines_from_tensors(tensors, header.extra, header.landmarks)
    settings = from_known(JointDisplacementSettings, header.settings)
    return Detector(tuple(header.landmarks), model, settings, outlines)
