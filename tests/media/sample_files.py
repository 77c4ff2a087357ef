"""Files of any pixel format, and their samples, for the tests of latentsync_core.media."""

import av
import numpy as np
from media_files import image

from latentsync_core import FileClip
from latentsync_core.media import ColorTags, open_writer

HDR = ColorTags(9, 1, 9, 16)


def samples_of(path):
    """The planes of every frame, straight from PyAV, and the tags of the last."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = list(container.decode(stream))
        tags = ColorTags.of(frames[-1], stream.codec_context)
    return [planes_of(frame) for frame in frames], frames[-1].format.name, tags


def planes_of(frame):
    dtype = np.uint8 if frame.format.components[0].bits == 8 else np.uint16
    wide = np.dtype(dtype).itemsize
    lines = [np.frombuffer(plane, dtype).reshape(-1, plane.line_size // wide) for plane in frame.planes]
    return [
        line[: plane.height, : plane.width].copy() for line, plane in zip(lines, frame.planes, strict=True)
    ]


def store(path, name, count=3, size=(48, 64), tags=HDR, picture=image, **options):
    """A lossless file of any pixel format whose tags say what they are told to; options: of the encoder."""

    def draw(k):
        frame = av.VideoFrame.from_ndarray(picture(k, *size), format="rgb24")
        frame.colorspace = tags.matrix
        return frame.reformat(format=name, dst_color_range=tags.range)

    return _encode(path, name, map(draw, range(count)), size, tags, options)


def store_samples(path, name, draw, count=2, size=(48, 64), tags=HDR, **options):
    """The same of samples: draw(shape, bits, number) gives each plane."""

    def fill(_):
        frame = av.VideoFrame(size[1], size[0], name)
        bits = frame.format.components[0].bits
        for number, (plane, lines) in enumerate(zip(frame.planes, planes_of(frame), strict=True)):
            whole = np.zeros((plane.height, plane.line_size // lines.itemsize), lines.dtype)
            whole[: lines.shape[0], : lines.shape[1]] = draw(lines.shape, bits, number)
            plane.update(whole.tobytes())
        frame.colorspace, frame.color_range = tags.matrix, tags.range
        return frame

    return _encode(path, name, map(fill, range(count)), size, tags, options)


def noise(shape, bits, number):
    """Samples of every value, the same in each frame."""
    return np.random.default_rng(number).integers(0, 2**bits, shape)


def _encode(path, name, frames, size, tags, options):
    codec = options.pop("codec", "ffv1")
    with av.open(str(path), "w") as output:
        stream = output.add_stream(codec, rate=25, options=options)
        stream.height, stream.width, stream.pix_fmt = *size, name
        context = stream.codec_context
        context.colorspace, context.color_range = (0 if name.startswith("gbr") else tags.matrix), tags.range
        context.color_primaries, context.color_trc = tags.primaries, tags.transfer
        for frame in frames:
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def copy(source, target, change=lambda frame: frame, *, fps=None, **options):
    """Read a file and write it again, as a lip-sync does; fps: another rate."""
    clip = FileClip(source)
    times = clip.times if fps is None else np.arange(len(clip)) / float(fps)
    looks = {"color": clip.color, "samples": clip.samples, "pixel_aspect": clip.pixel_aspect}
    with open_writer(
        target, clip.height, clip.width, fps or clip.fps, **{"preset": "ultrafast", **looks, **options}
    ) as writer:
        for frame, time in zip(clip.read(range(len(clip))), times, strict=True):
            writer.write(change(frame), float(time))
    return target
