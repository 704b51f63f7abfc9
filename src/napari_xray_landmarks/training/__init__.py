"""Training: data sets, imports of public formats, and a recipe for each method."""

from .dataset import Film, TrainingSet, split_by_subject
from .tables import read_training_set

__all__ = ["Film", "TrainingSet", "read_training_set", "split_by_subject"]
