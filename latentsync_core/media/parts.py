"""Audio that is read part by part, whatever it is stored in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import numpy as np

from ..data import Waveform
from .audio import seconds_of
from .audio_decode import DAMAGED, Samples, decode_audio, find_audio
from .opening import MediaPath, open_media, reading


@dataclass(frozen=True, eq=False)
class AudioParts:
    """Audio as parts, which are made when they are read, so that none of it is held."""

    rate: int
    """Samples a second."""
    channels: int
    read: Callable[[], Iterator[Samples]]
    """Returns all of it from the start, in parts (channels, n) of any length, -1..1."""


AudioInput: TypeAlias = MediaPath | Waveform | AudioParts
"""A file with audio, samples, or parts."""


def parts_of(audio: AudioInput) -> AudioParts:
    """Return audio as parts; second 0 of a file is where its video starts, or its audio. Raises MediaError."""
    if isinstance(audio, AudioParts):
        return audio
    if isinstance(audio, Waveform):
        return AudioParts(audio.sample_rate, len(audio.samples), partial(seconds_of, audio))
    with open_media(audio) as container:
        stream = find_audio(container, audio)
        return AudioParts(stream.rate, stream.channels, partial(_decode_file, audio))


def cut_into_blocks(parts: Iterator[Samples], size: int) -> Iterator[Samples]:
    """Cut audio into blocks (channels, size), of which the last may be shorter."""
    held: list[Samples] = []
    length = 0
    for part in parts:
        held.append(part)
        length += part.shape[1]
        while length >= size:
            joined = np.concatenate(held, axis=1)
            yield joined[:, :size]
            held, length = [joined[:, size:]], length - size
    if length:
        yield np.concatenate(held, axis=1)


def _decode_file(path: MediaPath) -> Iterator[Samples]:
    with open_media(path) as container, reading(path, DAMAGED):
        yield from decode_audio(container, find_audio(container, path))
