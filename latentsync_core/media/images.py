"""Write frames as numbered PNG images, with the audio in a file beside them."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from ..data import Array, Frame, Waveform
from ..errors import InputError
from ..planar import PlanarFrame
from .opening import find_video, open_media
from .parts import AudioInput, AudioParts
from .pixels import to_uint8, to_uint16
from .planes import scale_samples
from .soundtrack import add_soundtrack

_FORMATS = {(3, 1): "rgb24", (4, 1): "rgba", (3, 2): "rgb48be", (4, 2): "rgba64be"}
"""FFmpeg's names by channels and bytes."""


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
        """Add a frame (H, W, 3), uint8, float 0..1 or in planes; of planes depth (8 or 16 bit) and opacity are kept."""
        pixels = self._to_pixels(frame)
        name = _FORMATS[pixels.shape[2], pixels.dtype.itemsize]
        encoder = av.CodecContext.create("png", "w")
        encoder.height, encoder.width = self._size
        encoder.pix_fmt, encoder.time_base = name, Fraction(1, 25)
        image = av.VideoFrame.from_ndarray(pixels, format=name)
        packets = [*encoder.encode(image), *encoder.encode(None)]
        (self._folder / f"frame_{self._count:06d}.png").write_bytes(b"".join(map(bytes, packets)))
        self._count += 1

    def _to_pixels(self, frame: Frame) -> Array:
        if not isinstance(frame, PlanarFrame):
            return to_uint8(frame, self._size)
        pixels = (to_uint8 if frame.format.bits == 8 else to_uint16)(frame, self._size)
        if not frame.format.has_alpha:
            return pixels
        return np.dstack([pixels, scale_samples(frame.planes[3], frame.format.bits, 8 * pixels.itemsize)])

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
