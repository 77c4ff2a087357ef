"""Write frames and audio into one movie file."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack, suppress
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
from av.video.reformatter import ColorRange

from ..data import Frame
from ..errors import InputError
from ..planar import PlanarFrame
from .color import ACCURATE, choose_tags
from .formats import Encoding, Format
from .parts import AudioInput
from .pixels import check_size, to_uint8
from .planes import to_video_frame
from .soundtrack import Packets, add_soundtrack

_RGB = "bgr0"

_TICKS = 10_000
"""Time units a second at least, so that frames of a variable rate keep their times to 0.1 ms."""


class MovieWriter:
    """Encodes frames as they come and writes audio packets between them; `finish` ends the file."""

    def __init__(
        self,
        path: Path,
        form: Format,
        size: tuple[int, int],
        fps: Fraction,
        encoding: Encoding,
        *,
        audio: AudioInput | None,
        duration: float | None,
    ) -> None:
        self._size, self._fps, self._duration = size, Fraction(fps), duration
        self._alpha = encoding.alpha
        self._time_base = 1 / (fps.numerator * Fraction(max(1, -(-_TICKS // fps.numerator))))
        # How long a frame is shown is known when the next one comes: a frame waits for it, and since the encoder
        # reorders frames (B-frames), the durations wait for their packets by timestamp.
        self._durations: dict[int, int] = {}
        self._pending: av.VideoFrame | None = None
        with ExitStack() as closing:
            # The table of contents goes to the front, so that a browser can play while it loads.
            options = {} if form.lossless else {"movflags": "faststart"}
            self._container = av.open(str(path), "w", format=form.container, options=options)
            closing.callback(self._container.close)
            self._stream = self._add_video(form, encoding)
            self._audio: Packets = iter(())
            if audio is not None:
                self._audio = add_soundtrack(self._container, audio, form.copied_audio, form.audio, closing)
            # What encoders and container refuse is refused now, before any work on the first frame.
            self._container.start_encoding()
            self._next_audio = next(self._audio, None)
            self._closing = closing.pop_all()

    def _add_video(self, form: Format, encoding: Encoding) -> av.VideoStream:
        codec, pixel_format, options = _choose_encoder(form, encoding, self._size)
        stream = cast(av.VideoStream, self._container.add_stream(codec, rate=self._fps, options=options))
        stream.height, stream.width = self._size
        stream.time_base = stream.codec_context.time_base = self._time_base
        stream.thread_type = "AUTO"
        context: av.VideoCodecContext = stream.codec_context
        context.sample_aspect_ratio = encoding.pixel_aspect
        if encoding.timecode is not None:
            stream.metadata["timecode"] = str(encoding.timecode)
        stream.pix_fmt = pixel_format
        if pixel_format.startswith("bgr"):
            return stream
        full = form.lossless and encoding.samples is not None and encoding.samples.full
        tags = self._tags = choose_tags(encoding.color, self._size[0], full)
        context.colorspace, context.color_range = tags.matrix, tags.range
        context.color_primaries, context.color_trc = tags.primaries, tags.transfer
        return stream

    def write(self, frame: Frame, time_seconds: float) -> None:
        """Add a frame (H, W, 3), with alpha (H, W, 4), uint8 or float 0..1, that is shown from `time_seconds` on."""
        image = self._to_image(frame)
        image.pts = round(Fraction(time_seconds) / self._time_base)
        image.time_base = self._time_base
        if self._pending is not None:
            self._encode_pending(image.pts)
        self._pending = image

    def finish(self) -> None:
        """Write the last frame, the rest of the audio and the table of contents; InputError without a frame."""
        if self._pending is None or self._pending.pts is None:
            raise InputError("No frame was written; write at least one.")
        end = self._pending.pts + round(1 / self._fps / self._time_base)
        if self._duration is not None:
            end = round(Fraction(self._duration) / self._time_base)
        self._encode_pending(end)
        self._mux(self._stream.encode(None))
        self._closing.close()

    def close(self) -> None:
        """Close all files, finished or not."""
        with suppress(av.FFmpegError, OSError):
            self._closing.close()

    def _to_image(self, frame: Frame) -> av.VideoFrame:
        if isinstance(frame, PlanarFrame):
            check_size(frame, self._size)
            image = to_video_frame(frame)
        else:
            pixels = to_uint8(frame, self._size, 4 if self._alpha else 3)
            image = av.VideoFrame.from_ndarray(pixels, format="rgba" if self._alpha else "rgb24")
        if str(self._stream.pix_fmt).startswith("bgr"):
            return image.reformat(format=self._stream.pix_fmt)
        # Set on the frame, not as an argument: PyAV 17 has no argument for BT.2020.
        image.colorspace = self._tags.matrix
        image = image.reformat(
            format=self._stream.pix_fmt, dst_color_range=ColorRange(self._tags.range), interpolation=ACCURATE
        )
        # ProRes stores those of each frame.
        image.color_primaries, image.color_trc = self._tags.primaries, self._tags.transfer
        return image

    def _encode_pending(self, end: int) -> None:
        """Encode the frame before, now that its end is known, and mux the audio that starts before that end."""
        frame = self._pending
        if frame is None or frame.pts is None or end <= frame.pts:
            raise InputError(
                "Frame times rise strictly and end before the duration of the result; got one that does not, "
                f"at {float(end * self._time_base):.6f} s."
            )
        self._durations[frame.pts] = end - frame.pts
        self._mux(self._stream.encode(frame))
        while self._next_audio is not None and self._next_audio[0] < end * self._time_base:
            self._container.mux(self._next_audio[1])
            self._next_audio = next(self._audio, None)

    def _mux(self, packets: Iterable[av.Packet[Any]]) -> None:
        for packet in packets:
            packet.duration = self._durations.pop(packet.pts or 0)
            self._container.mux(packet)


def _choose_encoder(
    form: Format, encoding: Encoding, size: tuple[int, int]
) -> tuple[str, str, dict[str, str]]:
    """Return name, pixel format and options of the video encoder."""
    if not form.lossless:
        if form.pixel_format:
            return form.video, form.alpha_format if encoding.alpha else form.pixel_format, dict(form.options)
        # 4:2:0 halves both sides; an odd side is kept whole in 4:4:4 rather than padded or scaled.
        pixel_format = "yuv444p" if size[0] % 2 or size[1] % 2 else "yuv420p"
        return form.video, pixel_format, {"crf": str(encoding.crf), "preset": encoding.preset}
    if encoding.alpha:
        return form.video, form.alpha_format, dict(form.options)
    # FFV1 leaves the shape of pixels to the container, where PyAV cannot set it; H.264 stores it in the stream.
    codec = form.video if encoding.pixel_aspect == 1 else "libx264"
    options = {} if codec == form.video else {"qp": "0", "bf": "0", "preset": encoding.preset}
    taken = av.Codec(codec, "w").video_formats or []
    if encoding.samples is not None and encoding.samples.name in {one.name for one in taken}:
        return codec, encoding.samples.name, options
    return ("libx264rgb" if codec == "libx264" else codec), form.pixel_format, options
