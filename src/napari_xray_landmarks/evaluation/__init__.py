"""Evaluation: metrics, statistics, and a report of predicted against true landmarks."""

from .evaluation import Evaluation, compare_methods
from .report import evaluate, write_report

__all__ = ["Evaluation", "compare_methods", "evaluate", "write_report"]
