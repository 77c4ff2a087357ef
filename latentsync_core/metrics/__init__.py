"""Measures of a result: synchrony with the sound, steadiness, likeness to an original or to the truth."""

from .against import Comparison
from .score import Score, score
from .sync import SyncCurve, sync_curve

__all__ = ["Comparison", "Score", "SyncCurve", "score", "sync_curve"]
