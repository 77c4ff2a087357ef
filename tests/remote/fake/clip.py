"""Real media for the fake host: how long a file is, and a result made of the frames and the audio it was sent."""

import io
from fractions import Fraction
from pathlib import Path

import av
import numpy as np


class UnreadableMedia(Exception):
    """A file that is no video or audio."""


def seconds(path: Path) -> float:
    """Length of the longest stream."""
    try:
        with av.open(str(path)) as container:
            ends = [float(s.duration * s.time_base) for s in container.streams if s.duration]
            return max([*ends, float(container.duration or 0) / av.time_base])
    except (av.FFmpegError, OSError) as exc:
        raise UnreadableMedia(str(exc)) from exc


def dub(video: Path, audio: Path) -> bytes:
    """An mp4: the frames of `video`, forwards and backwards as often as the length of `audio` needs."""
    try:
        with av.open(str(video)) as source, av.open(str(audio)) as track:
            frames = [frame.to_ndarray(format="rgb24") for frame in source.decode(video=0)]
            samples = [_pack(frame) for frame in track.decode(audio=0)]
            fps = source.streams.video[0].average_rate or Fraction(25)
            rate = track.streams.audio[0].rate
    except (av.FFmpegError, OSError, IndexError) as exc:
        raise UnreadableMedia(str(exc)) from exc
    if not frames or not samples:
        raise UnreadableMedia("no frames, or no audio")
    return _encode(frames, Fraction(fps), np.concatenate(samples, axis=1), rate)


def _pack(frame: av.AudioFrame) -> np.ndarray:
    """(1, samples) int16 mono."""
    resampler = av.AudioResampler(format="s16", layout="mono", rate=frame.sample_rate)
    return np.concatenate([part.to_ndarray() for part in resampler.resample(frame)], axis=1)


def _encode(frames: list[np.ndarray], fps: Fraction, samples: np.ndarray, rate: int) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as result:
        image = result.add_stream("libx264", rate=fps, options={"preset": "ultrafast", "crf": "23"})
        image.height, image.width = frames[0].shape[:2]
        image.pix_fmt = "yuv420p"
        stream = result.add_stream("aac", rate=rate, layout="mono")
        there_and_back = frames + frames[-2:0:-1]
        for number in range(max(1, round(samples.shape[1] / rate * fps))):
            frame = av.VideoFrame.from_ndarray(there_and_back[number % len(there_and_back)], format="rgb24")
            result.mux(image.encode(frame))
        result.mux(image.encode(None))
        track = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        track.sample_rate = rate
        result.mux(stream.encode(track))
        result.mux(stream.encode(None))
    return file.getvalue()


def demo_video(path: Path, length: float = 1.0, fps: int = 5, size: int = 64) -> Path:
    """A small h264 mp4 without audio: a bar that wanders over grey."""
    with av.open(str(path), "w", format="mp4") as movie:
        stream = movie.add_stream("libx264", rate=fps, options={"preset": "ultrafast"})
        stream.height = stream.width = size
        stream.pix_fmt = "yuv420p"
        for number in range(round(length * fps)):
            image = np.full((size, size, 3), 128, np.uint8)
            image[:, number * 4 % size : number * 4 % size + 8] = 255
            movie.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        movie.mux(stream.encode(None))
    return path


def demo_audio(path: Path, length: float = 1.0, rate: int = 16000) -> Path:
    """A WAV file of a tone: mono, 16 bit."""
    times = np.arange(round(length * rate)) / rate
    samples = (8000 * np.sin(2 * np.pi * 220 * times)).astype(np.int16)[None]
    with av.open(str(path), "w", format="wav") as file:
        stream = file.add_stream("pcm_s16le", rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate = rate
        file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path
