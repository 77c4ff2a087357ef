"""Find out whether a container takes the audio of a file packet by packet, before anything depends on it."""

from __future__ import annotations

import math

import av
from av.container import InputContainer, OutputContainer

from .audio_decode import find_audio
from .opening import MediaPath, open_media


class _NullFile:
    """A file that discards what is written to it; it can seek, as muxers do."""

    def __init__(self) -> None:
        self._position = self._size = 0

    def write(self, content: bytes) -> int:
        self._position += len(content)
        self._size = max(self._size, self._position)
        return len(content)

    def seek(self, offset: int, whence: int = 0) -> int:
        self._position = offset + (0, self._position, self._size)[whence]
        return self._position

    def tell(self) -> int:
        return self._position


def takes_packets(container: str, path: MediaPath) -> bool:
    """Whether a container (FFmpeg's name of it) holds a file's audio as it is: its packets are copied on trial.

    FFmpeg's lists of codecs do not suffice: one codec is stored differently in different files, some packets have no
    time or all the same, and channels or rate may change on the way, which a header cannot say. Audio that does not
    decode is not copied either.
    """
    with open_media(path) as source:
        source_stream = find_audio(source, path)
        try:
            with av.open(_NullFile(), "w", format=container) as target:
                return _copy_all(source, source_stream, target)
        except (av.FFmpegError, ValueError):
            return False


def _copy_all(source: InputContainer, source_stream: av.AudioStream, target: OutputContainer) -> bool:
    stream, kinds, last = target.add_stream_from_template(source_stream), set(), -math.inf
    for packet in source.demux(source_stream):
        kinds |= {(frame.sample_rate, frame.layout.name) for frame in packet.decode()}
        if not packet.size:
            continue
        if len(kinds) > 1 or packet.pts is None or packet.dts is None or packet.pts <= last:
            return False
        last, packet.stream = packet.pts, stream
        target.mux(packet)
    return True
