"""Small media made with PyAV, for the tests of latentsync_core.media."""

import struct
from fractions import Fraction

import av
import numpy as np

from latentsync_core.media import open_writer
from latentsync_core.media.color import ACCURATE

KINDS = {
    "h264.mp4": ("libx264", "yuv420p", {"bf": "2"}),
    "h264_10bit.mov": ("libx264", "yuv420p10le", {}),
    "hevc_10bit.mp4": ("libx265", "yuv420p10le", {"x265-params": "keyint=8:log-level=none"}),
    "vp8.webm": ("libvpx", "yuv420p", {"auto-alt-ref": "1", "lag-in-frames": "16"}),
    "vp9.webm": ("libvpx-vp9", "yuv420p", {"auto-alt-ref": "1", "lag-in-frames": "16"}),
    "av1.mp4": ("libsvtav1", "yuv420p", {"preset": "12"}),
    "prores.mov": ("prores_ks", "yuv422p10le", {}),
    "prores4444.mov": ("prores_ks", "yuva444p10le", {"profile": "4444"}),
    "png.mov": ("png", "rgba", {}),
    "ffv1.mkv": ("ffv1", "bgr0", {}),
    "mpeg4.avi": ("mpeg4", "yuv420p", {"bf": "2"}),
    "h264.avi": ("libx264", "yuv420p", {"bf": "0"}),
    "image.gif": ("gif", "rgb8", {}),
}


def image(k, height=48, width=64):
    """Frame k of the test videos: a smooth pattern that is another one for every k."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([(4 * x + 9 * k) % 256, (5 * y + 5 * k) % 256, (23 * k + 0 * x) % 256], -1).astype(
        np.uint8
    )


def make_video(
    path, codec="libx264", pix_fmt="yuv420p", count=40, *, size=(48, 64), times_ms=None, rate=25, picture=image,
    **options,
):  # fmt: skip
    """Encode `count` frames of `picture` at `rate`, or at `times_ms`."""
    with av.open(str(path), "w") as output:
        stream = output.add_stream(codec, rate=rate, options={"g": "8", **options})
        stream.height, stream.width, stream.pix_fmt = *size, pix_fmt
        if times_ms is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        for k in range(count):
            frame = av.VideoFrame.from_ndarray(picture(k, *size), format="rgb24").reformat(format=pix_fmt)
            frame.pts = k if times_ms is None else times_ms[k]
            frame.time_base = 1 / Fraction(rate) if times_ms is None else Fraction(1, 1000)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def tone(seconds=2.0, rate=44100, channels=2):
    t = np.arange(round(seconds * rate)) / rate
    return np.stack([0.5 * np.sin(2 * np.pi * (200 + 150 * c + 90 * t) * t) for c in range(channels)]).astype(
        "f4"
    )


def make_audio(path, codec, samples, rate, container=None):
    with av.open(str(path), "w", format=container) as output:
        stream = output.add_stream(codec, rate=rate, layout=f"{len(samples)}c")
        stream.codec_context.open()
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout=f"{len(samples)}c")
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        context = stream.codec_context
        resampler = av.AudioResampler(context.format, context.layout, rate, context.frame_size or None)
        for piece in [*resampler.resample(frame), *resampler.resample(None), None]:
            output.mux(stream.encode(piece))
    return path


def add_audio(video, audio, path, video_offset=0.0):
    """Copy the video of one file and the audio of another into a third; the video starts later."""
    with av.open(str(video)) as a, av.open(str(audio)) as b, av.open(str(path), "w") as output:
        pairs = [(s, output.add_stream_from_template(s)) for s in (a.streams.video[0], b.streams.audio[0])]
        for source, stream in pairs:
            for packet in source.container.demux(source):
                if packet.dts is None:
                    continue
                if source.type == "video":
                    shift = round(video_offset / packet.time_base)
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                packet.stream = stream
                output.mux(packet)
    return path


def remux(source, path, options):
    with av.open(str(source)) as given, av.open(str(path), "w", options=options) as output:
        stream = output.add_stream_from_template(given.streams.video[0])
        for packet in given.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                output.mux(packet)
    return path


def set_display_matrix(path, matrix):
    """Write ((a, b), (c, d)) over the display matrix of the first track of an mp4 (ISO 14496-12, 8.3.2)."""
    data = path.read_bytes()
    at = data.index(b"tkhd") + 44
    a, b, c, d = (round(65536 * value) for row in matrix for value in row)
    path.write_bytes(data[:at] + struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30) + data[at + 36 :])
    return path


def pixels(frames):
    """RGB of 8 bit, whatever the frames are."""
    arrays = [np.asarray(frame) for frame in frames]
    return [a if a.dtype == np.uint8 else np.rint(np.clip(a, 0, 1) * 255).astype(np.uint8) for a in arrays]


def assert_near(frames, expected):
    """Frames are those that libswscale made, to one level."""
    got = np.array(pixels(frames), int)
    assert got.shape == np.shape(expected) and np.abs(got - expected).max() <= 1


def decode(path):
    """Every frame, straight from PyAV in one pass."""
    with av.open(str(path)) as container:
        frames = container.decode(video=0)
        return [frame.reformat(format="rgb24", interpolation=ACCURATE).to_ndarray() for frame in frames]


def audio_packets(path):
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


def write(path, frames, fps=Fraction(25), times=None, **options):
    """Write a result with the library."""
    height, width = frames[0].shape[:2]
    with open_writer(path, height, width, fps, preset="ultrafast", **options) as writer:
        for k, frame in enumerate(frames):
            writer.write(frame, float(k / fps) if times is None else times[k])
    return path


def still(count, value=90):
    return [np.full((48, 64, 3), value, np.uint8)] * count
