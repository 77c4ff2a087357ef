"""Metrics of a result: synchrony with the audio, steadiness, similarity to an original or to the ground truth."""

from .against import Comparison
from .score import Score, score
from .sync import SyncCurve, sync_curve

__all__ = ["Comparison", "Score", "SyncCurve", "score", "sync_curve"]
