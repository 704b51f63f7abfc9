"""Combos that do not widen their dock."""

from qtpy.QtWidgets import QComboBox

LETTERS = 8


def narrow(combo: QComboBox) -> QComboBox:
    """The combo, no wider at least than a few letters, whatever its entries."""
    combo.setMinimumContentsLength(LETTERS)
    combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    return combo
