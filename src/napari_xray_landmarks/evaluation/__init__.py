"""Evaluation: metrics, statistics, and reports of predicted against true landmarks, contours, labels, angles, poses."""

from .comparison import Comparison
from .evaluation import Evaluation, compare_methods
from .report import evaluate, write_report

__all__ = ["Comparison", "Evaluation", "compare_methods", "evaluate", "write_report"]
