"""Audio as the host takes it: a WAV of exactly its length."""

from __future__ import annotations

import wave
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from ..errors import OutputError
from ..media.sound import Samples


def write_wav(path: Path, parts: Iterable[Samples], sample_rate: int) -> None:
    """Write parts (channels, n), -1..1, as 16 bit at their own rate and channels; raises OutputError.

    The length is exact, and the length is what is billed.
    """
    try:
        with wave.open(str(path), "wb") as file:
            for number, part in enumerate(parts):
                if number == 0:
                    file.setparams((len(part), 2, sample_rate, 0, "NONE", ""))
                file.writeframes((np.clip(part.T, -1, 1) * 32767).round().astype("<i2").tobytes())
    except OSError as exc:
        raise OutputError(f"{path} cannot be written: {exc.strerror}.") from exc
