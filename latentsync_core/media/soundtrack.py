"""The audio of a result: packets copied from a file untouched, or encoded where the container cannot hold them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain
from typing import Any, TypeAlias, TypeVar, cast

import av
from av.container import InputContainer, OutputContainer

from ..data import Waveform
from .audio import layout_of, to_frames
from .audio_decode import Samples, decode_audio, find_audio, is_steady
from .opening import MediaPath, open_media, reading, start_seconds_of
from .parts import AudioInput, AudioParts, parts_of
from .trial import takes_packets

log = logging.getLogger(__name__)

# The codecs that common players play from these containers; FFmpeg itself would write more.
MP4_CODECS = frozenset({"aac", "mp3", "alac", "opus", "flac", "ac3", "eac3"})
MOV_CODECS = frozenset({"aac", "mp3", "alac", "ac3", "eac3", "pcm_s16le", "pcm_s24le", "pcm_f32le"})
_AAC_BITS_PER_CHANNEL = 96_000

_MAX_CHANNELS = 8
"""The limit of FLAC and AAC."""
_PRIMING_SECONDS = 0.2
"""Packets this long before second 0 are kept: codecs need them to start up."""

_Item = TypeVar("_Item")

Packets: TypeAlias = "Iterator[tuple[float, av.Packet[Any]]]"
"""(second at which it starts, packet), in the order in which they are written."""


def add_soundtrack(
    output: OutputContainer,
    audio: AudioInput,
    copied: frozenset[str] | None,
    encoder: str,
    closing: ExitStack,
) -> Packets:
    """Add an audio stream to `output` and return an iterator over its packets, which are read lazily.

    Packets whose codec is in `copied` (None: all that the container holds) are copied bit for bit where the container
    takes them, which is tried first, and the audio is steady; other audio is encoded by `encoder` at its own rate and
    channels. Files stay open until `closing` is closed.
    """
    if isinstance(audio, (Waveform, AudioParts)):
        parts = parts_of(audio)
        return _encode(output, encoder, parts.read(), (parts.rate, parts.channels, "s32"))
    container = closing.enter_context(open_media(audio))
    source = find_audio(container, audio)
    codec = source.codec_context.codec.canonical_name
    is_copied = codec in (output.supported_codecs if copied is None else copied)
    if is_copied and is_steady(audio) and takes_packets(output.format.name, audio):
        return _copy_packets(audio, container, source, output.add_stream_from_template(source))
    channels, stored = source.codec_context.layout.nb_channels, source.codec_context.format
    # FFmpeg 9 may not know the format before it decoded a frame; s32 loses nothing.
    sample_format = stored.name if stored else "s32"
    decoded = _blame_source(audio, decode_audio(container, source))
    return _encode(output, encoder, decoded, (source.rate, channels, sample_format))


def _copy_packets(
    path: MediaPath, container: InputContainer, source: av.AudioStream, stream: av.AudioStream
) -> Packets:
    origin = start_seconds_of(container, source)
    for packet in _blame_source(path, container.demux(source)):
        if packet.dts is None or packet.pts is None or packet.time_base is None:
            continue
        start = float(packet.pts * packet.time_base) - origin
        if start < -_PRIMING_SECONDS:
            continue
        # Second 0 of the result is the first frame of the source's video, or the start of its audio.
        shift = round(origin / packet.time_base)
        packet.pts, packet.dts, packet.stream = packet.pts - shift, packet.dts - shift, stream
        yield start, packet


def _blame_source(path: MediaPath, items: Iterator[_Item]) -> Iterator[_Item]:
    """Iterate; an error is raised as one of the source `path`, which is read here, not of the result being written."""
    while True:
        with reading(path, "has damaged audio; copy it again or convert it to wav."):
            item = next(items, None)
        if item is None:
            return
        yield item


def _encode(
    output: OutputContainer, encoder: str, parts: Iterator[Samples], kind: tuple[int, int, str]
) -> Packets:
    """Encode audio of a kind: its rate, channels and FFmpeg's name of its sample format."""
    rate, channels, sample_format = kind
    if channels > _MAX_CHANNELS and not encoder.startswith("pcm"):
        log.warning("%s holds %d channels, got %d; they are mixed to one.", encoder, _MAX_CHANNELS, channels)
        parts, channels = (part.mean(0, keepdims=True) for part in parts), 1
    return _encode_parts(parts, rate, _add_encoder(output, encoder, rate, channels, sample_format))


def _add_encoder(
    output: OutputContainer, encoder: str, rate: int, channels: int, sample_format: str
) -> av.AudioStream:
    codec = av.Codec(encoder, "w")
    best = min(codec.audio_rates or [rate], key=lambda possible: abs(possible - rate))
    if best != rate:
        log.warning("%s cannot hold %d Hz; the audio is resampled to %d Hz.", encoder, rate, best)
    stream = cast(av.AudioStream, output.add_stream(encoder, rate=best, layout=layout_of(channels)))
    if encoder == "aac":
        stream.bit_rate = _AAC_BITS_PER_CHANNEL * channels
    elif encoder == "flac":
        # 16 bit stays 16 bit, anything finer is kept in 24.
        stream.codec_context.format = "s16" if sample_format in ("s16", "s16p", "u8", "u8p") else "s32"
    stream.codec_context.open()
    return stream


def _encode_parts(parts: Iterator[Samples], rate: int, stream: av.AudioStream) -> Packets:
    context = stream.codec_context
    resampler = av.AudioResampler(
        context.format, context.layout, context.sample_rate, context.frame_size or None
    )
    for frame in chain(to_frames(parts, rate), [None]):
        for piece in resampler.resample(frame):
            yield from _add_starts(stream.encode(piece))
    yield from _add_starts(stream.encode(None))


def _add_starts(packets: list[av.Packet[Any]]) -> Packets:
    for packet in packets:
        yield float((packet.pts or 0) * (packet.time_base or 0)), packet
