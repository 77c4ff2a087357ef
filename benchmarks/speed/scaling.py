"""How time and memory grow with the length of a clip, the size of its frames and the number of people, with `nano`."""

import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch

from latentsync_core import FileClip, Options, Waveform, lip_sync, load_models, open_writer
from latentsync_core.data import SPEECH_RATE
from latentsync_core.faces import choose
from latentsync_core.speakers import find_faces
from latentsync_lab.synthetic import bundled_speech, mono_16k, talking_clip

from .machine import peak_memory, run_forked, spend
from .work import FPS

OPTIONS = Options.preset("draft", length="cut_off")
PERSON, DRAWN = 60_100, 360
"""Seed of the first person, and side of the frames as they are drawn, in pixels."""


@dataclass(frozen=True)
class Size:
    """Of a clip: seconds, side of the square that each person has, people beside one another."""

    seconds: float = 2.0
    side: int = 360
    people: int = 1


SWEEPS = {
    "seconds": [Size(seconds=n) for n in (2.0, 4.0, 8.0)],
    "side": [Size(side=n) for n in (360, 720, 1440)],
    "people": [Size(people=n) for n in (1, 2, 3)],
}


def measure_scaling(threads: int) -> dict[str, dict[str, dict[str, float]]]:
    """Return, sweep by sweep and value by value, the CPU seconds of survey and re-sync and the peak memory in GiB."""
    torch.set_num_threads(1)  # until the forks
    figures: dict[str, dict[str, dict[str, float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, sizes in SWEEPS.items():
            for size in sizes:
                video = write_clip(size, Path(folder) / "clip.mp4")
                row = run_forked(partial(run_size, video, size, threads))
                figures.setdefault(name, {})[str(getattr(size, name))] = row
                print(name, size, row, flush=True)
    return figures


def write_clip(size: Size, path: Path) -> Path:
    """Write a clip of drawn people who all say the same."""
    said = speech_of(size)
    clips = [talking_clip(PERSON + k, said, FPS, (DRAWN, DRAWN)) for k in range(size.people)]
    with open_writer(path, size.side, size.side * size.people, clips[0].fps) as writer:
        for index, frames in enumerate(
            zip(*(clip.read(range(len(clip.times))) for clip in clips), strict=True)
        ):
            scaled = [cv2.resize(frame, (size.side, size.side)) for frame in frames]
            writer.write(np.hstack(scaled), index / FPS)
    return path


def speech_of(size: Size) -> Waveform:
    samples = np.tile(mono_16k(bundled_speech("a")), 4)[: round(size.seconds * SPEECH_RATE)]
    return Waveform(samples[None], SPEECH_RATE)


def run_size(video: Path, size: Size, threads: int) -> dict[str, float]:
    """Survey a clip and re-sync every person in it; frames are thrown away."""
    torch.set_num_threads(threads)
    models, clip, found = load_models("nano", device="cpu"), FileClip(video), []
    surveyed = spend(lambda: found.append(find_faces(clip)))

    def sync_all() -> None:
        for number in range(1, size.people + 1):
            for _ in lip_sync(clip, speech_of(size), models, OPTIONS, choose(found[0], number)):
                pass

    synced = spend(sync_all)
    return {
        "survey": round(surveyed.cpu, 2),
        "resync": round(synced.cpu, 2),
        "memory": round(peak_memory(), 2),
    }
