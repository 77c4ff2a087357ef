"""Media whose headers and clocks lie, made with PyAV, for the tests of latentsync_core.media."""

import struct

import av
import numpy as np
from media_files import add_audio, make_audio, make_video

RATE = 48000


def bursts(seconds=3.0, rate=RATE, channels=1):
    """Tones of 50 ms at 0.25, 0.75, 1.25... s, so that a place in the audio can be found again."""
    t = np.arange(round(seconds * rate)) / rate
    tone = 0.5 * np.sin(2 * np.pi * 1000 * t) * ((t + 0.25) % 0.5 < 0.05) * (t > 0.2)
    return np.repeat(tone[None], channels, 0).astype(np.float32)


def burst_times(waveform):
    """Seconds at which the tones begin."""
    loud = np.flatnonzero(np.abs(waveform.samples).max(0) > 0.12)
    begins = np.diff(loud, prepend=-waveform.sample_rate) > 0.15 * waveform.sample_rate
    return loud[begins] / waveform.sample_rate


def movie(path, seconds=3, codec="aac", **options):
    """A video of 25 frames a second with bursts."""
    video = make_video(path.with_name("video.mp4"), count=25 * seconds, g="25", **options)
    audio = make_audio(path.with_name("audio.mka"), codec, bursts(seconds), RATE)
    return add_audio(video, audio, path)


def retimed(source, path, change):
    """Copy all packets with other times: change(kind, seconds) gives the new seconds of "video" or "audio"."""
    with av.open(str(source)) as given, av.open(str(path), "w") as output:
        streams = {s.index: output.add_stream_from_template(s) for s in given.streams}
        for packet in given.demux():
            if packet.dts is None and packet.pts is None:
                continue
            tick, kind = packet.time_base, packet.stream.type
            move = round(change(kind, float((packet.pts) * tick)) / tick) - packet.pts
            packet.pts, packet.dts = packet.pts + move, None if packet.dts is None else packet.dts + move
            packet.stream = streams[packet.stream.index]
            output.mux(packet)
    return path


def patched(path, at, form, *values):
    """Overwrite bytes: `at` is a position, or (mark, distance) from the first occurrence of the mark."""
    data = bytearray(path.read_bytes())
    start = at if isinstance(at, int) else data.index(at[0]) + at[1]
    struct.pack_into(form, data, start, *values)
    path.write_bytes(data)
    return path


def wav(path, *, rate=16000, bits=16, tag=1, channels=1, count=8000):
    """A wav file with any header over `count` silent samples."""
    data = bytes(count * channels * max(bits, 8) // 8)
    block = channels * bits // 8
    form = struct.pack(
        "<4sIHHIIHH", b"fmt ", 16, tag, channels, rate, min(rate * block, 2**32 - 1), block, bits
    )
    body = b"WAVE" + form + struct.pack("<4sI", b"data", len(data)) + data
    path.write_bytes(struct.pack("<4sI", b"RIFF", len(body)) + body)
    return path
