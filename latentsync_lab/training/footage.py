"""Own footage, as `prepare` lays it out: one utterance a clip, no truth about the mouth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from latentsync_core.data import Array, FloatArray
from latentsync_core.errors import InputError

from .data import Utterance

FPS = 25
REPORT = "report.json"

TEST_EVERY = 20
"""Every which clip is held out, the first among them."""


class Footage:
    """A prepared folder as `Dataset`: `crops0` and `sounds` hold one file a clip; the report says which."""

    def __init__(self, folder: Path, test: bool = False) -> None:
        report = read_report(folder)
        names = [name for entry in report["files"].values() for name in entry["clips"]]
        held_out = set(names[::TEST_EVERY] if len(names) > 1 else [])
        self._names = [name for name in names if (name in held_out) == test]
        if not names:
            raise InputError(f"{folder} has no clips; {REPORT} there says why each file was dropped.")
        self.folder, self.test = folder, test
        self.resolution: int = report["resolution"]
        self.clips = self.tracks = len(self._names)

    def audio(self, track: int) -> npt.NDArray[np.float32]:
        """Return a clip's samples, (n,) float32 at 16 kHz."""
        samples = np.load(audio_path(self.folder, self._names[track]))
        return np.asarray(samples / np.float32(32768), np.float32)

    def utterances(self, clip: int) -> list[Utterance]:
        """Return the only one: the clip with its own audio."""
        return [Utterance(clip, 0.0)]

    def times(self, utterance: Utterance) -> FloatArray:
        """Return where each frame begins in its audio, in seconds."""
        return np.arange(len(self.crops(utterance.track))) / FPS

    def crops(self, clip: int, utterance: int = 0) -> Array:
        """Return the aligned faces, (F, R, R, 3) uint8."""
        return np.asarray(np.load(crops_path(self.folder, self._names[clip]), mmap_mode="r"))

    def label(self, clip: int) -> str:
        """Return its name and time of change: folders grow and are made anew."""
        path = crops_path(self.folder, self._names[clip])
        return f"{path.stem}-{path.stat().st_mtime_ns:x}"

    def openness(self, utterance: Utterance) -> None:
        """Return None: it is unknown."""


def crops_path(folder: Path, name: str) -> Path:
    """Return where the crops of a clip are."""
    return folder / "crops0" / f"{name}.npy"


def audio_path(folder: Path, name: str) -> Path:
    """Return where the audio of a clip is, int16 at 16 kHz."""
    return folder / "sounds" / f"{name}.npy"


def read_report(folder: Path) -> dict[str, Any]:
    """Read what `prepare` wrote about a folder; raises InputError if it is missing."""
    path = folder / REPORT
    if not path.exists():
        raise InputError(
            f"{path} is missing; make the folder by `latentsync-lab train prepare VIDEOS --out {folder}`."
        )
    return json.loads(path.read_text(encoding="utf-8"))
