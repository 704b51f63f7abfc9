"""What a dock says and asks: one line in napari's notifications, or a question with plain answers."""

import logging

from napari.utils.notifications import show_error, show_info
from qtpy.QtWidgets import QMessageBox

from ...errors import InputError


def tell(message: str) -> None:
    """One line of good news."""
    show_info(message)


def complain(error: Exception) -> None:
    """One line about what went wrong; an unforeseen error is named by its kind, its traceback goes to the log."""
    if isinstance(error, InputError | ValueError | OSError):
        text = str(error)
    else:
        text = f"{type(error).__name__}: {error}"
        logging.getLogger(__name__).error("unforeseen", exc_info=error)
    show_error(" ".join(text.split()))


def ask(parent, title: str, question: str, answers: tuple[str, ...]) -> str | None:
    """Let the user choose one of the answers; None where the question was waved away.

    Parameters
    ----------
    answers
        What the buttons say; the first is what Enter chooses.
    """
    box = QMessageBox(QMessageBox.Icon.Question, title, question, parent=parent)
    buttons = {box.addButton(text, QMessageBox.ButtonRole.AcceptRole): text for text in answers}
    box.addButton(QMessageBox.StandardButton.Cancel)
    box.setDefaultButton(next(iter(buttons)))
    box.exec()
    return buttons.get(box.clickedButton())
