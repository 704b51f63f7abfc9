"""The answer: a pose in numbers with what it rests on, each landmark's residual, and the poses of all films of a CT."""

from qtpy.QtCore import Signal
from qtpy.QtGui import QBrush, QColor
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from ...errors import InputError, listed
from ...geometry.pose import Pose, standard_deviations
from ...geometry.views import view_name
from ...io.poses import load_pose, save_pose
from ..film_geometry import describe_view
from ..pose_layers import DROPPED, USED
from ..posing import Residual, TrueErrors
from .answers import CopyTable
from .messages import complain, tell

RESIDUAL_HEADER = ("landmark", "px", "mm", "")
FILM_HEADER = ("film", "view", "px", "marks", "like")
FILMS_TIP = ("Every film of this CT that has a pose; choose one to see it. px: residual; marks: landmarks it rests on; "
             "like: similarity of film and rendering, once refined")
FILTER = "Pose (*.json)"


def describe(pose: Pose, truth: TrueErrors | None = None) -> str:
    """A pose in words: its view, its residual and landmarks, its uncertainty, and how far it is from the true one."""
    lines = [f"{describe_view(pose.arm)} · {in_short(pose)}"]
    if pose.covariance is not None:
        turn, shift = standard_deviations(pose.covariance)
        lines.append(f"Uncertainty (1 sd): {turn:.2g}° and {shift:.2g} mm")
    if pose.similarity is not None:
        lines.append(f"Similarity of film and rendering: {pose.similarity:.3f}")
    if truth is not None:
        lines.append(f"Truth known: {truth.describe()}")
    return "\n".join(lines)


def in_short(pose: Pose) -> str:
    """What a pose rests on; never without its residual."""
    if pose.residual_px is None:
        return f"no landmarks, similarity {pose.similarity:.3f}"
    arm = pose.arm
    scale = arm.source_to_isocentre_mm / arm.source_to_detector_mm
    mm = pose.residual_px * (arm.pixel_spacing_mm[0] * arm.pixel_spacing_mm[1]) ** 0.5 * scale
    count = pose.provenance.get("landmark_count")
    of = f" of {count}" if count else ""
    return f"residual {pose.residual_px:.2f} px ({mm:.2f} mm) · {len(pose.used_landmarks)}{of} landmarks"


def dropped(residuals) -> str:
    """The landmarks that a pose does not rest on, in words."""
    out = [r.name for r in residuals if not r.used]
    return f"Dropped as wrong: {listed(out)}" if out else ""


class ResidualTable(CopyTable):
    """Landmarks with their residuals, the worst first."""

    def __init__(self, parent=None):
        super().__init__(4, "Distance of each landmark's projection from its place on the film, in pixels and in mm at "
                            "the isocentre; dropped where the pose does not rest on it", parent)

    def show_residuals(self, residuals: tuple[Residual, ...]) -> None:
        """List these."""
        ordered = sorted(residuals, key=lambda r: -r.px)
        self.show_rows(RESIDUAL_HEADER, [(r.name, f"{r.px:.2f}", f"{r.mm:.2f}", "used" if r.used else "dropped")
                                         for r in ordered])
        for i, r in enumerate(ordered):
            self.table.item(i, 3).setForeground(QBrush(QColor(USED if r.used else DROPPED)))


class PosesOfCT(QWidget):
    """All films of one CT with their poses, and their files.

    Signals
    -------
    chosen(int)
        A row.
    opened(object)
        A `Pose` from a file.
    """

    chosen = Signal(int)
    opened = Signal(object)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._pose: Pose | None = None
        self._start = "pose"
        self.table = CopyTable(len(FILM_HEADER), FILMS_TIP, self)
        self.save_button, self.open_button = QPushButton("Save pose…", self), QPushButton("Open pose…", self)
        self.save_button.setToolTip("This film's pose with its residual, landmarks and covariance (.json)")
        self.open_button.setToolTip("A pose of this film from a file that this dock, `pose` or `register` wrote")
        row = QHBoxLayout()
        row.addWidget(self.save_button)
        row.addWidget(self.open_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.table)
        column.addLayout(row)
        self.save_button.clicked.connect(self._choose_target)
        self.open_button.clicked.connect(self._choose_source)
        self.table.table.itemSelectionChanged.connect(lambda: self.chosen.emit(self.table.table.currentRow()))

    def show_poses(self, rows: list[tuple[str, Pose]], now: str, pose: Pose | None) -> None:
        """List films and poses; `pose` is that of the film called `now`, and can be saved."""
        self._pose, self._start = pose, now.replace(" · ", "-").replace("/", "-")
        self.table.setVisible(bool(rows))
        self.save_button.setEnabled(pose is not None)
        self.table.table.blockSignals(True)
        self.table.show_rows(FILM_HEADER, [_cells(name, each) for name, each in rows])
        self.table.table.clearSelection()
        self.table.table.blockSignals(False)

    def save(self, path: str) -> None:
        """Write this film's pose."""
        path = path if path.lower().endswith(".json") else f"{path}.json"
        try:
            save_pose(path, self._pose)
        except InputError as error:
            complain(error)
            return
        tell(f"Saved {path.rpartition('/')[2]}")

    def open(self, path: str) -> None:
        """Read a pose for this film."""
        try:
            self.opened.emit(load_pose(path))
        except InputError as error:
            complain(error)

    def _choose_target(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, "Save the pose", f"{self._start}-pose.json", FILTER)
        if path:
            self.save(path)

    def _choose_source(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Open a pose", "", FILTER)
        if path:
            self.open(path)


def _cells(name: str, pose: Pose) -> tuple[str, ...]:
    residual = "–" if pose.residual_px is None else f"{pose.residual_px:.2f}"
    similarity = "–" if pose.similarity is None else f"{pose.similarity:.2f}"
    view = view_name(round(pose.arm.lao_deg) + 0, round(pose.arm.cran_deg) + 0)
    return name, view, residual, str(len(pose.used_landmarks)), similarity
