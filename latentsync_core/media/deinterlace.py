"""Deinterlace the frames of a video by FFmpeg's filter bwdif."""

from __future__ import annotations

import av
from av.filter import Graph

from .decoder import RUN_LENGTH, FrameDecoder

_FILTER = "bwdif", "mode=send_frame:parity=auto:deint=interlaced"
"""One frame for each, at the time of its first field; frames that are not marked as interlaced stay as they are."""


class Deinterlacer:
    """Gives the frames of a decoder without combs, under the same numbers."""

    def __init__(self, decoder: FrameDecoder) -> None:
        self._decoder = decoder
        self._start()

    def _start(self) -> None:
        self.position = self._decoder.position
        """Number of the frame that comes next."""
        self._graph: Graph | None = None

    def __next__(self) -> av.VideoFrame:
        # The filter looks at the frame after one, too: frames come out later than they go in.
        while True:
            try:
                if self._graph is not None:
                    frame = self._graph.vpull()
                    self.position += 1
                    return frame
            except BlockingIOError:  # it wants another frame
                pass
            self._push()

    def _push(self) -> None:
        if self._graph is not None and self._decoder.at_end:
            self._graph.vpush(None)
            return
        frame = next(self._decoder)
        self._graph = self._graph or _build_graph(frame)
        self._graph.vpush(frame)

    def go_to(self, number: int) -> None:
        """Seek so that frame `number` comes next or soon after."""
        if self.position <= number <= self.position + RUN_LENGTH:
            return
        # The filter looks at the frame before one, too: it starts there, if the decoder does not merely go on.
        before = self._decoder.position
        self._decoder.go_to(max(0, number - 1))
        if self._decoder.position != before:
            self._start()


def _build_graph(frame: av.VideoFrame) -> Graph:
    graph = Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base
    )
    graph.link_nodes(source, graph.add(*_FILTER), graph.add("buffersink")).configure()
    return graph
