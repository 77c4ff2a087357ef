"""Say in sentences what was done where the video and the speech differ in length."""

from __future__ import annotations

from ..data import FloatArray, Plan
from .timeline import OVERHANG_SECONDS

WORTH_SAYING = 0.1
"""Seconds by which lengths may differ without a note: less than a syllable."""

_LONGER = {
    "longest": "it runs backwards and forwards",
    "bounce": "it runs backwards and forwards",
    "loop": "it starts again",
    "remap": "it is slowed down",
}
"""What a video does, by length mode, to last as long as longer speech."""


def describe_lengths(
    mode: str, times: FloatArray, video: float, speech: float, result: float
) -> tuple[str, ...]:
    """Say what became longer, what was left out and what is silent; no sentence where the lengths agree.

    `times` (N,) are the frames of the video; `video`, `speech` and `result` are lengths in seconds, and `mode` is a
    length mode of `timeline.LENGTH_MODES`.
    """
    notes = _describe_video(mode, len(times), video, result), _describe_speech(mode, speech, result)
    return tuple(filter(None, notes))


def describe_part(plan: Plan, start: float) -> tuple[str, ...]:
    """Say that a plan is of a part of a clip, whose speech is that from second `start` on; and what stays silent."""
    note = f"a part of a clip: it takes the speech from {start:.2f} s on and keeps its frames."
    return tuple(filter(None, (note, _describe_silence(plan.speech_duration - start, plan.duration))))


def _describe_video(mode: str, frames: int, video: float, result: float) -> str:
    if result > video + WORTH_SAYING:
        if frames == 1:
            return "the image is shown for as long as the speech lasts."
        return f"the video ({video:.2f} s) ends before the speech: {_LONGER[mode]} until {result:.2f} s."
    if result < video - WORTH_SAYING:
        if mode == "remap":
            return f"the video ({video:.2f} s) is sped up to end with the speech."
        return f"the last {video - result:.2f} s of the video are cut: the speech ends first."
    return ""


def _describe_silence(speech: float, result: float) -> str:
    if speech >= result - WORTH_SAYING:
        return ""
    return f"the last {result - max(0.0, speech):.2f} s are silent: the speech ends first."


def _describe_speech(mode: str, speech: float, result: float) -> str:
    if speech <= result + WORTH_SAYING:
        return _describe_silence(speech, result)
    cut = f"the last {speech - result:.2f} s of the speech are cut: "
    if mode == "longest":
        return cut + f"silence, or speech of less than {OVERHANG_SECONDS} s, adds no frame."
    return cut + "the video ends first. The length mode longest keeps all of it."
