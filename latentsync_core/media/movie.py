"""Write frames and audio into one movie file."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av

from ..data import Frame
from ..errors import InputError
from ..planar import SampleFormat, is_planar
from .color import choose_tags
from .encoder_input import EncoderInput, FirstField
from .formats import Encoding, Format
from .parts import AudioInput
from .planes import name_siting
from .soundtrack import Packets, add_soundtrack

log = logging.getLogger(__name__)

_TICKS = 10_000
"""Time units a second at least, so that frames of a variable rate keep their times to 0.1 ms."""


_CLOCK = Fraction(1, 1000)
"""Seconds by which durations of films may be off: Matroska counts in them."""


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
        first_field = encoding.first_field if _takes_fields(codec, self._size[0]) else ""
        options |= _say_siting(encoding.samples, pixel_format) | _say_fields(codec, first_field)
        stream = cast(av.VideoStream, self._container.add_stream(codec, rate=self._fps, options=options))
        stream.height, stream.width = self._size
        stream.time_base = stream.codec_context.time_base = self._time_base
        stream.thread_type = "AUTO"
        context: av.VideoCodecContext = stream.codec_context
        context.sample_aspect_ratio = encoding.pixel_aspect
        if encoding.timecode is not None:
            stream.metadata["timecode"] = str(encoding.timecode)
        stream.pix_fmt = pixel_format
        full = form.lossless and encoding.samples is not None and encoding.samples.full
        tags = choose_tags(encoding.color, self._size[0], rgb=av.VideoFormat(pixel_format).is_rgb, full=full)
        context.colorspace, context.color_range = tags.matrix, tags.range
        context.color_primaries, context.color_trc = tags.primaries, tags.transfer
        if codec == "ffv1" and encoding.pixel_aspect != 1:
            log.warning(
                "The pixels of the result are %s times as wide as high, which FFV1 says in its frames alone: a program "
                "that asks the file's header takes them for square.", encoding.pixel_aspect,
            )  # fmt: skip
        aspect = encoding.pixel_aspect if codec == "ffv1" else Fraction(1)
        self._input = EncoderInput(self._size, pixel_format, tags, aspect, first_field)
        return stream

    def write(self, frame: Frame, time_seconds: float) -> None:
        """Add a frame (H, W, 3) that is shown from `time_seconds` on, see `EncoderInput.convert`."""
        image = self._input.convert(frame)
        image.pts = round(Fraction(time_seconds) / self._time_base)
        image.time_base = self._time_base
        if self._pending is not None:
            self._encode_pending(image.pts)
        self._pending = image

    def finish(self) -> None:
        """Write the last frame, the rest of the audio and the table of contents; InputError without a frame."""
        if self._pending is None or self._pending.pts is None:
            raise InputError("No frame was written; write at least one.")
        self._encode_pending(self._find_end(self._pending.pts))
        self._mux(self._stream.encode(None))
        self._closing.close()

    def _find_end(self, last: int) -> int:
        """Return when the last frame ends; one of usual length keeps it, as another average would be another rate."""
        usual = last + round(1 / self._fps / self._time_base)
        if self._duration is None:
            return usual
        end = round(Fraction(self._duration) / self._time_base)
        return usual if abs(end - usual) * self._time_base <= _CLOCK else end

    def close(self) -> None:
        """Close all files, finished or not."""
        with suppress(av.FFmpegError, OSError):
            self._closing.close()

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
    if form.lossless:
        return _choose_lossless(form, encoding)
    if form.pixel_format:
        with_alpha = encoding.has_alpha and form.alpha_format
        return form.video, form.alpha_format if with_alpha else form.pixel_format, dict(form.options)
    # 4:2:0 halves both sides; an odd side is kept whole in 4:4:4 rather than padded or scaled.
    pixel_format = "yuv444p" if size[0] % 2 or size[1] % 2 else "yuv420p"
    return form.video, pixel_format, {"crf": str(encoding.crf), "preset": encoding.preset}


def _choose_lossless(form: Format, encoding: Encoding) -> tuple[str, str, dict[str, str]]:
    """Choose what keeps the source's samples; frames of other samples are kept as RGB of 8 bit."""
    pixel_format = form.alpha_format if encoding.has_alpha else form.pixel_format
    if encoding.samples is not None and _takes(form.video, encoding.samples.name):
        pixel_format = encoding.samples.name
    if encoding.pixel_aspect != 1:
        # Players look for the shape of pixels in the container, where PyAV cannot set it, or in the stream.
        for codec in ("libx264", "libx264rgb"):
            if _takes(codec, pixel_format):
                return codec, pixel_format, {"qp": "0", "bf": "0", "preset": encoding.preset}
    return form.video, pixel_format, dict(form.options)


def _takes(codec: str, pixel_format: str) -> bool:
    return pixel_format in {one.name for one in av.Codec(codec, "w").video_formats or []}


def _say_siting(samples: SampleFormat | None, pixel_format: str) -> dict[str, str]:
    """Return the encoder's option that says where chroma lies, as `EncoderInput` puts it."""
    if not is_planar(pixel_format) or SampleFormat(pixel_format).step == (1, 1):
        return {}
    siting = "left" if samples is None else name_siting(samples)
    return {} if siting == "center" else {"chroma_sample_location": siting}


def _takes_fields(codec: str, height: int) -> bool:
    """Whether an encoder takes interlaced frames; H.264 crops their height by four lines."""
    return codec in ("ffv1", "prores_ks") or (codec == "libx264" and height % 4 == 0)


def _say_fields(codec: str, first_field: FirstField) -> dict[str, str]:
    """Return the encoder's options for interlaced frames."""
    if not first_field:
        return {}
    own = {"prores_ks": {"flags": "+ildct"}, "libx264": {"x264-params": f"{first_field}=1"}}
    return {"field_order": "tt" if first_field == "tff" else "bb", **own.get(codec, {})}
