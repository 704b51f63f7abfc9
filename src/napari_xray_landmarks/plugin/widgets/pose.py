"""Pose and registration: where a film of a CT was taken from, by landmarks and by comparison, and how well it fits."""

from functools import partial

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QPushButton

from ...errors import InputError
from ...geometry.landmark_pairs import LandmarkPairs, landmark_pairs
from ...geometry.pose import Pose
from ..films import film_of
from ..pose_layers import keep_pose, landmarks_on_film, orphans, pose_of_film, posed_films
from ..posing import require_agreement, residuals, true_errors
from ..registering import Refinement, refined
from ..simulating import landmarks_of_layer, why_not_a_ct
from ..solving import show_search
from .dock import Dock, Fold, set_note
from .messages import complain, tell
from .pose_answer import PosesOfCT, ResidualTable, describe, dropped
from .pose_inputs import PoseInputs
from .pose_options import PoseOptions
from .pose_plot import SimilarityPlot
from .pose_points import PointsInSpace
from .pose_view import FilmInView, PoseView
from .pose_work import PoseWork
from .run_row import RunRow

SAMPLES = ("pelvis-two-views",)
SOON_MS = 30


class PoseAndRegistration(Dock):
    """The dock "Pose and registration"."""

    def __init__(self, napari_viewer):
        super().__init__(napari_viewer, "Open a CT and its radiographs to find where they were taken from, or try a "
                         "sample.", SAMPLES)
        self.pairs: LandmarkPairs | None = None
        self._history: dict = {}
        self.in_view = FilmInView(self.viewer, self)
        self.inputs = self.add(PoseInputs(self.viewer, self))
        self.detect_button = self.add(QPushButton("Detect landmarks on this film", self))
        self.detect_button.setToolTip("With the model that knows most of the landmarks in space")
        self.chosen = PoseOptions(self)
        self.options = self.add(Fold("Options", self.chosen))
        self.estimate_button, self.all_button, self.undo_button = (
            QPushButton(text, self) for text in ("Estimate", "Estimate all films", "Undo"))
        self.undo_button.setToolTip("Back to this film's pose before the last estimate, refinement or opened file")
        self.estimate_button.setToolTip("The pose from landmarks: at once, and again whenever one of them is moved")
        self.all_button.setToolTip("The pose of every open film that has landmarks and a known detector")
        self.add_row(self.estimate_button, self.all_button, self.undo_button, stretch=(2, 3, 1))
        self.lacking, self.trouble = self.add_note(), self.add_note()
        self.run = self.add(RunRow("Refine"))
        self.run.button.setToolTip("Move the pose until the rendered CT is most like the film")
        self.plot = self.add(SimilarityPlot(self))
        self.plot.setVisible(False)
        self._build_answer()
        self.work = PoseWork(self.viewer, self.inputs, self)
        self._connect()
        self._on_film(self.film)
        self._on_ct(self.inputs.ct.value)

    def _build_answer(self) -> None:
        self.said = self.add_note()
        self.dropped = self.add_note()
        self.table = ResidualTable(self)
        self.view, self.poses = PoseView(self.viewer, self), PosesOfCT(self)
        self.points = PointsInSpace(self.viewer, self)
        self.verify = self.add(Fold("Verify", self.view, open=True))
        self.residuals = self.add(Fold("Residuals", self.table))
        self.films = self.add(Fold("Films of this CT", self.poses))
        self.space = self.add(Fold("Points from two films", self.points))

    def _connect(self) -> None:
        self._soon = QTimer(self, singleShot=True, interval=SOON_MS)
        self.work.read.connect(self._on_read)
        self.work.unreadable.connect(lambda error: set_note(self.trouble, f"⚠ {error}"))
        self.work.estimated.connect(self._on_estimated)
        self.work.refused.connect(self._on_refused)
        self._soon.timeout.connect(self._on_marks)
        self.inputs.film_changed.connect(self._on_film)
        self.inputs.ct_changed.connect(self._on_ct)
        self.inputs.moved.connect(lambda: self._soon.isActive() or self._soon.start())
        self.estimate_button.clicked.connect(lambda: self.estimate([self.inputs.film.value]))
        self.all_button.clicked.connect(lambda: self.estimate(self.inputs.film.choices))
        self.run.pressed.connect(self.refine)
        self.run.job.done.connect(lambda then: then())
        self.detect_button.clicked.connect(self.detect)
        self.run.job.failed.connect(lambda error: set_note(self.trouble, f"⚠ {error}"))
        self.run.job.ended.connect(self._enable)
        self.undo_button.clicked.connect(self.undo)
        self.table.chosen.connect(self._select)
        self.poses.chosen.connect(self._choose_film)
        self.poses.opened.connect(self._on_opened)
        self._ties.to(self.viewer.layers.events.removed, self._on_removed)

    @property
    def film(self):
        """The chosen film's layer."""
        return self.inputs.film.value

    @property
    def pose(self) -> Pose | None:
        """The chosen film's pose in the chosen CT."""
        film, ct = self.film, self.inputs.ct.value
        return None if film is None or ct is None else pose_of_film(film, ct)

    @property
    def busy(self) -> bool:
        """Whether anything is being read, estimated, refined or rendered."""
        return self.work.busy or self.run.job.running or self.view.busy or self._soon.isActive()

    def estimate(self, films: list) -> None:
        """Estimate the poses of these films, one after the other; a refusal is told."""
        self._soon.stop()
        set_note(self.trouble, "")
        self.work.least_confidence = self.chosen.sure.value
        self.work.estimate(films)

    def refine(self) -> None:
        """Refine the chosen film's pose beside the window."""
        film, pose = self.film, self.pose
        try:
            task = Refinement(film_of(film), self.work.ct.patient, pose, self.pairs, self.chosen.form.value)
        except InputError as error:
            complain(error)
            return
        set_note(self.trouble, "")
        self.plot.begin()
        self.plot.setVisible(True)
        ct, watch = self.inputs.ct.value, self.plot.stepped.emit
        self.run.start(lambda progress: partial(self._on_refined, film, ct, refined(task, progress, watch)))
        self._enable()

    def detect(self) -> None:
        """Find the chosen film's landmarks beside the window, then its pose."""
        film = self.film
        set_note(self.trouble, "")
        try:
            search = self.work.detection(film)
        except (InputError, ValueError) as error:
            set_note(self.trouble, f"⚠ {error}")
            return
        self.run.start(lambda progress: partial(self._on_detected, film, search(progress)))
        self._enable()

    def _on_detected(self, film, outcome) -> None:
        found, failures = outcome
        for error in failures:
            set_note(self.trouble, f"⚠ {error}")
        if found and film in self.viewer.layers:
            layer = show_search(self.viewer, found[0])
            if film is self.film:
                self.inputs.on_film.set_value(layer)
                self.estimate([film])

    def undo(self) -> None:
        """Take back the last change of the chosen film's pose."""
        if steps := self._steps:
            keep_pose(self.film, self.inputs.ct.value, steps.pop())
            self._show()

    @property
    def _steps(self) -> list:
        """The poses that the chosen film had in the chosen CT, the last one last."""
        return self._history.get((self.film, self.inputs.ct.value), [])

    def _set_pose(self, film, ct, pose: Pose, *, undoable: bool = True) -> None:
        if undoable:
            self._history.setdefault((film, ct), []).append(pose_of_film(film, ct))
        keep_pose(film, ct, pose)
        if film is self.film:
            self._show()
        else:
            self._list_films()

    def _on_read(self) -> None:
        set_note(self.trouble, "")
        self._show()

    def _on_estimated(self, film, ct, pose: Pose, pairs, clicked: bool) -> None:
        if film is self.film and not clicked:
            set_note(self.trouble, "")
        self._set_pose(film, ct, pose, undoable=clicked)

    def _on_refused(self, error) -> None:
        if not isinstance(error, InputError | ValueError):
            complain(error)
            return
        before = self.trouble.text() if self.trouble.text().startswith("⚠") and self.work.busy else ""
        set_note(self.trouble, "\n".join(filter(None, (before, f"⚠ {error}"))))

    def _on_refined(self, film, ct, pose: Pose) -> None:
        if film not in self.viewer.layers or ct is not self.inputs.ct.value:
            tell(f"{film.name}: refined, but its film or CT was closed meanwhile")
            return
        self._set_pose(film, ct, pose)

    def _on_opened(self, pose: Pose) -> None:
        film, ct = self.film, self.inputs.ct.value
        try:
            if self.inputs.trusted or pose.arm.size_px != film_of(film).shape:
                require_agreement(pose.arm, film_of(film))
        except (InputError, ValueError) as error:
            set_note(self.trouble, f"⚠ {error}")
            return
        set_note(self.trouble, "")
        self.work.forget(film)
        self._set_pose(film, ct, pose)

    def _on_marks(self) -> None:
        """Landmarks were moved or others chosen: a pose that rests on landmarks follows them."""
        self.work.least_confidence = self.chosen.sure.value
        if self.pose is not None and self.pose.similarity is None and self.work.changed(self.film):
            self.work.follow(self.film)
        else:
            set_note(self.trouble, "")
            self._show()

    def _on_film(self, film) -> None:
        self.in_view.show(film, self.inputs.film.choices)
        set_note(self.trouble, "")
        self.plot.setVisible(False)
        self._show()

    def _on_ct(self, ct) -> None:
        set_note(self.trouble, "" if ct is None else f"Reading {ct.name} …")
        self.work.read_again()
        self._show()

    def _on_removed(self, event) -> None:
        self._history = {layers: steps for layers, steps in self._history.items() if event.value not in layers}
        for layer in orphans(self.viewer):
            if layer in self.viewer.layers:  # removing the one before may have removed it
                self.viewer.layers.remove(layer)

    def _show(self) -> None:
        """Tell and show the chosen film's pose as it stands."""
        film, ct, pose = self.film, self.inputs.ct.value, self.pose
        told = self._residuals(pose)
        truth = self.inputs.geometry_of_film.truth
        self.verify.setVisible(pose is not None)
        self.residuals.setVisible(bool(told))
        set_note(self.dropped, dropped(told))
        set_note(self.said, "" if pose is None else describe(pose, None if truth is None or self.pairs is None else
                                                             true_errors(pose, truth, self.pairs.points_mm)))
        self.table.show_residuals(told)
        self.view.show_pose(film, ct, self.work.ct.patient if self.work.ct else None, pose, told)
        self._list_films()
        self._enable()

    def _residuals(self, pose: Pose | None):
        """Of the landmarks as they are now; none where there are no pairs."""
        self.pairs = None
        if pose is None or not self.inputs.complete:
            return ()
        try:
            in_space = landmarks_of_layer(self.inputs.in_space.value)
            self.pairs = landmark_pairs(landmarks_on_film(self.inputs.on_film.value, self.film), in_space,
                                        self.chosen.sure.value)
        except (InputError, ValueError, AttributeError):
            return ()
        return residuals(pose, self.pairs)

    def _list_films(self) -> None:
        film, ct = self.film, self.inputs.ct.value
        rows = [] if ct is None else [(f.name, pose_of_film(f, ct)) for f in posed_films(self.viewer, ct)]
        self.poses.show_poses(rows, "" if film is None else film.name, self.pose)
        self.films.setVisible(film is not None and ct is not None)
        self.space.setVisible(len(rows) > 1)
        self.points.show_film(film, ct)

    def _choose_film(self, row: int) -> None:
        films = posed_films(self.viewer, self.inputs.ct.value)
        if 0 <= row < len(films) and films[row] in self.inputs.film.choices:
            self.inputs.film.set_value(films[row])

    def _select(self, name: str) -> None:
        layer = self.inputs.on_film.value
        if layer is not None and name in list(layer.features.get("name", [])):
            layer.selected_data = {list(layer.features["name"]).index(name)}
            self.viewer.layers.selection.active = layer

    def _enable(self, *_) -> None:
        ready, running = self.inputs.complete, self.run.job.running
        self.estimate_button.setEnabled(ready and not running)
        self.detect_button.setEnabled(None not in (self.film, self.inputs.in_space.value) and not running)
        self.all_button.setEnabled(ready and not running)
        self.all_button.setVisible(len(self.inputs.film.choices) > 1)
        self.run.button.setEnabled(running or (self.pose is not None and self.work.ct is not None))
        self.undo_button.setEnabled(bool(self._steps) and not running)
        self.poses.open_button.setEnabled(not running)
        set_note(self.lacking, self.inputs.lacking)

    def _on_layers(self, event=None) -> None:
        super()._on_layers(event)
        self.empty.setVisible(all(why_not_a_ct(layer) is not None for layer in self.viewer.layers))
