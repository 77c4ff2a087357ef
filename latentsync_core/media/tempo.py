"""Speak faster or slower without another pitch, by FFmpeg's filter atempo."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import chain

import av
import numpy as np
from av.filter import Graph

from ..data import Waveform
from ..errors import OptionError
from .audio import layout_of, seconds_of, to_frames
from .audio_decode import Samples


def change_tempo(waveform: Waveform, tempo: float) -> Waveform:
    """Play audio `tempo` times as fast, 0.5..2, with its pitch; it lasts 1 / tempo as long, to a few milliseconds.

    Raises OptionError on another tempo.
    """
    if not 0.5 <= tempo <= 2:
        raise OptionError(f"tempo takes 0.5..2, got {tempo}.")
    channels, rate = len(waveform.samples), waveform.sample_rate
    graph = Graph()
    source = graph.add_abuffer(
        format="flt", sample_rate=rate, layout=layout_of(channels), time_base=Fraction(1, rate)
    )
    graph.link_nodes(source, graph.add("atempo", f"{tempo:.9f}"), graph.add("abuffersink")).configure()
    parts = [frame.to_ndarray().reshape(-1, channels).T for frame in _filter(graph, waveform)]
    samples: Samples = np.concatenate([np.zeros((channels, 0), np.float32), *parts], axis=1)
    return Waveform(np.ascontiguousarray(samples), rate)


def _filter(graph: Graph, waveform: Waveform) -> Iterator[av.AudioFrame]:
    for frame in chain(to_frames(seconds_of(waveform), waveform.sample_rate), [None]):
        graph.push(frame)
        try:
            while True:
                pulled = graph.pull()
                assert isinstance(pulled, av.AudioFrame)
                yield pulled
        except (BlockingIOError, EOFError):  # it wants another frame, or has given all
            continue
