"""Write frames as numbered PNG images, with the audio in a file beside them."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path

import av

from ..data import Frame, Waveform
from ..errors import InputError
from .opening import find_video, open_media
from .parts import AudioInput, AudioParts
from .pixels import to_uint8
from .soundtrack import add_soundtrack


class ImageWriter:
    """Writes frame_000000.png and so on into a new folder; the times of the frames are not kept.

    An audio file is copied unchanged as audio.<its suffix>, the audio of a video goes to audio.mka packet by
    packet, samples go to audio.wav as 32-bit floats.
    """

    def __init__(self, folder: Path, size: tuple[int, int], audio: AudioInput | None) -> None:
        self._folder, self._size, self._count = folder, size, 0
        folder.mkdir()
        if audio is not None:
            _write_audio(folder, audio)

    def write(self, frame: Frame, time_seconds: float) -> None:
        """Add a frame (H, W, 3), uint8 or float 0..1."""
        encoder = av.CodecContext.create("png", "w")
        encoder.height, encoder.width = self._size
        encoder.pix_fmt, encoder.time_base = "rgb24", Fraction(1, 25)
        image = av.VideoFrame.from_ndarray(to_uint8(frame, self._size), format="rgb24")
        packets = [*encoder.encode(image), *encoder.encode(None)]
        (self._folder / f"frame_{self._count:06d}.png").write_bytes(b"".join(map(bytes, packets)))
        self._count += 1

    def finish(self) -> None:
        """Check that a frame was written; InputError where none was."""
        if self._count == 0:
            raise InputError("No frame was written; write at least one.")

    def close(self) -> None:
        """Do nothing: no file is open between frames."""


def _write_audio(folder: Path, audio: AudioInput) -> None:
    if isinstance(audio, (Waveform, AudioParts)):
        return _mux_audio(folder / "audio.wav", audio)
    with open_media(audio) as container:
        has_image = find_video(container) is not None
    if has_image:
        return _mux_audio(folder / "audio.mka", audio)
    shutil.copyfile(audio, folder / f"audio{Path(audio).suffix}")


def _mux_audio(path: Path, audio: AudioInput) -> None:
    with ExitStack() as closing:
        container = closing.enter_context(
            av.open(str(path), "w", format="wav" if path.suffix == ".wav" else "matroska")
        )
        for _, packet in add_soundtrack(container, audio, None, "pcm_f32le", closing):
            container.mux(packet)
