"""In words, what was done where the video and the speech differ in length."""

from __future__ import annotations

from ..data import FloatArray, Plan
from .timeline import OVERHANG_SECONDS

WORTH_SAYING = 0.1
"""Seconds by which lengths may differ without a word: less than a syllable."""

_LONGER = {
    "longest": "it runs backwards and forwards",
    "bounce": "it runs backwards and forwards",
    "loop": "it starts again",
    "remap": "it is slowed down",
}
"""What a video does, by length mode, to last as long as longer speech."""


def length_notes(mode: str, times: FloatArray, video: float, speech: float, result: float) -> tuple[str, ...]:
    """Sentences on what became longer, what was left out and what is silent; none where the lengths agree.

    `times` (N,) are the frames of the video; `video`, `speech` and `result` are lengths in seconds, and `mode` is a
    length mode of `timeline.LENGTH_MODES`.
    """
    return tuple(filter(None, (_on_video(mode, len(times), video, result), _on_speech(mode, speech, result))))


def part_notes(plan: Plan, start: float) -> tuple[str, ...]:
    """What is said of the plan of frames that are a part of a clip and hear the speech from second `start` on."""
    heard = f"a part of a clip: it hears the speech from {start:.2f} s on and keeps its frames."
    return tuple(filter(None, (heard, _silent(plan.speech_duration - start, plan.duration))))


def _on_video(mode: str, frames: int, video: float, result: float) -> str:
    if result > video + WORTH_SAYING:
        if frames == 1:
            return "the picture is shown for as long as the speech lasts."
        return f"the video ({video:.2f} s) ends before the speech: {_LONGER[mode]} until {result:.2f} s."
    if result < video - WORTH_SAYING:
        if mode == "remap":
            return f"the video ({video:.2f} s) is sped up to end with the speech."
        return f"the last {video - result:.2f} s of the video are cut: the speech ends first."
    return ""


def _silent(speech: float, result: float) -> str:
    if speech >= result - WORTH_SAYING:
        return ""
    return f"the last {result - max(0.0, speech):.2f} s are silent: the speech ends first."


def _on_speech(mode: str, speech: float, result: float) -> str:
    if speech <= result + WORTH_SAYING:
        return _silent(speech, result)
    cut = f"the last {speech - result:.2f} s of the speech are cut: "
    if mode == "longest":
        return cut + f"what is silent, or heard for less than {OVERHANG_SECONDS} s, adds no frame."
    return cut + "the video ends first. The length mode longest keeps all of it."
