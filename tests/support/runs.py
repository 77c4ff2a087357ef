"""Short runs of the pipeline on patterns, with landmarks given."""

import numpy as np

from latentsync_core import FaceTrack, Options, TensorClip, Waveform, lip_sync

from .recipes import frame, wave

POINTS = np.array([[70.0, 60], [118, 62], [95, 100]])
FAST = {"steps": 2, "guidance": 1.0}


def clip_of(count, fps=25, dtype=np.uint8):
    frames = np.stack([frame(180, 200, i) for i in range(count)])
    return TensorClip(frames if dtype == np.uint8 else (frames / 255).astype(dtype), fps)


def track_of(count, missing=()):
    points = POINTS + np.arange(count)[:, None, None] * [0.5, 0.2]
    points[list(missing)] = np.nan
    return FaceTrack.from_points(points)


def speech_of(seconds):
    return Waveform((wave(round(16000 * seconds)) / 32768).astype(np.float32)[None], 16000)


def sync(models, count=10, *, seconds=None, missing=(), dtype=np.uint8, fps=25, options=None, **more):
    options = options or Options(**FAST)
    clip, speech = clip_of(count, fps, dtype), speech_of(seconds or count / fps)
    return list(lip_sync(clip, speech, models, options, track_of(count, missing), **more))
