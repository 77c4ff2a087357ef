"""Put frames and audio back into the clip that they are a part of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from comfy_execution.graph_utils import ExecutionBlocker

from ...latentsync_core.data import Clip, Frame, Waveform, pluralize
from ...latentsync_core.errors import InputError
from .media import Source, audio_of, clip_of, images_of, open_video, video_of, waveform_of
from .progress import Reporter
from .settings import Sound

AUDIO_FADE = 0.03
"""Seconds: a shorter fade of the audio clicks."""
SILENCE_RATE = 44100
_NO_IMAGES = "LatentSync Reassemble gives images only with return_images on."


@dataclass(frozen=True, eq=False)
class Insertion:
    """The frames and audio to put in, and how."""

    images: torch.Tensor
    audio: Mapping[str, Any] | None
    fps: float
    start: float
    fade: float
    sound: Sound


@dataclass(frozen=True, eq=False)
class Whole:
    """The clip with the part in it: VIDEO, IMAGE (or what blocks it), AUDIO, and a report."""

    video: Any
    images: Any
    audio: dict[str, Any]
    report: str


def reassemble(
    part: Insertion,
    video: Any,
    original_images: torch.Tensor | None,
    return_images: bool,
    node_id: str | None,
) -> Whole:
    """Put the part in; raises InputError where part and original do not fit."""
    from ...latentsync_core.media import splice

    frames: list[Frame] | None = [] if return_images else None
    with _open_original(part, video, original_images) as original:
        new = clip_of(part.images, part.fps)
        whole = splice(original and original.clip, new, part.start if original else 0.0, part.fade)
        audio = _mix_audio(part, original)
        count = len(whole.times)
        shown = Reporter(node_id).follow("write", whole.read(range(count)), count)
        shown = shown if frames is None else _keep_frames(shown, frames)
        result = video_of(shown, whole, like=original or Source(new), audio=audio)
    images = ExecutionBlocker(_NO_IMAGES) if frames is None else images_of(frames)
    return Whole(
        result,
        images,
        audio_of(audio or _make_silence(whole.duration)),
        _describe(part, new, whole, original),
    )


def _describe(part: Insertion, new: Clip, whole: Clip, original: Source | None) -> str:
    """Return a text on how long the result is, and which part of it is new."""
    text = f"{pluralize(len(whole.times), 'frame')} at {float(whole.fps):.3f} fps ({whole.duration:.2f} s)"
    if original is None:
        return text
    return f"{text}; {part.start:.2f} s to {part.start + new.duration:.2f} s are new"


def _open_original(
    part: Insertion, video: Any, images: torch.Tensor | None
) -> AbstractContextManager[Source | None]:
    if video is not None and images is not None:
        raise InputError("LatentSync Reassemble takes video or original_images as the original, not both.")
    if video is not None:
        return open_video(video, audio=True)
    return nullcontext(None if images is None else Source(clip_of(images, part.fps)))


def _mix_audio(part: Insertion, original: Source | None) -> Waveform | None:
    from ...latentsync_core.media import mix

    new = None if part.audio is None else waveform_of(part.audio)
    if original is None:
        return new
    fade = max(part.fade, AUDIO_FADE)
    return mix(original.audio, new, part.sound.mode, part.start, duck_db=part.sound.duck_db, fade=fade)


def _keep_frames(frames: Iterable[Frame], kept: list[Frame]) -> Iterator[Frame]:
    for frame in frames:
        kept.append(frame)
        yield frame


def _make_silence(seconds: float) -> Waveform:
    return Waveform(np.zeros((1, max(1, round(seconds * SILENCE_RATE))), np.float32), SILENCE_RATE)
