from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import numpy as np
import torch


@dataclass
class VideoComponents:
    images: torch.Tensor
    frame_rate: Fraction
    audio: Any = None
    metadata: Any = None


class VideoFromComponents:
    def __init__(self, components):
        self._components = components

    def get_components(self):
        return self._components

    def get_dimensions(self):
        return tuple(self._components.images.shape[2:0:-1])


class VideoFromFile:
    def __init__(self, file, *, start_time=0, duration=0):
        self._file, self._start, self._duration = file, start_time, duration

    def get_stream_source(self):
        if hasattr(self._file, "seek"):
            self._file.seek(0)
        return self._file

    def get_active_trim_window(self):
        return float(self._start), float(self._duration)

    def get_dimensions(self):
        with av.open(self.get_stream_source()) as container:
            return container.streams.video[0].width, container.streams.video[0].height

    def get_components(self):
        with av.open(self.get_stream_source()) as container:
            rate = container.streams.video[0].average_rate
            frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        return VideoComponents(torch.from_numpy(np.stack(frames)) / 255, rate)

    def as_trimmed(self, start_time=0, duration=0, strict_duration=True):
        return VideoFromFile(self._file, start_time=self._start + start_time, duration=duration)


class InputImpl:
    VideoFromFile, VideoFromComponents = VideoFromFile, VideoFromComponents


class Types:
    VideoComponents = VideoComponents
