"""Speech for synthetic speakers: two bundled sentences, and any other where espeak-ng is installed."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from latentsync_core.data import SPEECH_RATE, Waveform
from latentsync_core.errors import InputError, LatentSyncError, MediaError

SPEECH_FOLDER = Path(__file__).parents[1] / "assets" / "speech"

BUNDLED = ("a", "b")
"""Names of the bundled sentences: a woman's and a man's voice, about 4 s each."""
ESPEAK = "espeak-ng"

TIME_LIMIT = 60.0
"""Seconds after which a call of espeak-ng is given up; it needs well under one a sentence."""


def bundled_speech(name: str = "a") -> Waveform:
    """Return bundled sentence "a" or "b", mono at 16 kHz; raises InputError for other names."""
    if name not in BUNDLED:
        raise InputError(f"There is bundled speech for the names {BUNDLED}, got {name!r}.")
    return _decode(SPEECH_FOLDER / f"{name}.flac")


def speak(text: str, voice: str = "en-us", speed: int = 150, pitch: int = 50) -> Waveform:
    """Let espeak-ng read a text aloud, mono at 16 kHz.

    voice: an espeak-ng voice, with a variant if wanted ("en-gb+f3"). speed: words a minute, 80..450.
    pitch: 0..99. Raises InputError if espeak-ng is not installed, or does not know the voice.
    """
    if not 80 <= speed <= 450 or not 0 <= pitch <= 99:
        raise InputError(f"speak takes a speed of 80..450 and a pitch of 0..99, got {speed} and {pitch}.")
    command = [ESPEAK, "-v", voice, "-s", str(speed), "-p", str(pitch), "--stdin", "--stdout"]
    try:
        result = subprocess.run(
            command, input=text.encode(), capture_output=True, check=True, timeout=TIME_LIMIT
        )
    except FileNotFoundError as exc:
        raise InputError(
            "espeak-ng is not installed. Install it (apt install espeak-ng, brew install espeak-ng) "
            "or use bundled_speech()."
        ) from exc
    except subprocess.CalledProcessError as exc:
        message = exc.stderr.decode(errors="replace").strip()
        raise InputError(f"espeak-ng could not speak with the voice {voice!r}: {message}") from exc
    except subprocess.TimeoutExpired as exc:
        raise LatentSyncError(f"espeak-ng gave no answer within {TIME_LIMIT:.0f} s.") from exc
    return _decode(io.BytesIO(result.stdout))


def mono_16k(audio: Waveform) -> npt.NDArray[np.float32]:
    """Mix the audio's channels to one and resample it to 16 kHz, (n,)."""
    mixed = np.ascontiguousarray(audio.samples.mean(0, dtype=np.float32, keepdims=True))
    if audio.sample_rate == SPEECH_RATE:
        return mixed[0]
    frame = av.AudioFrame.from_ndarray(mixed, format="fltp", layout="mono")
    frame.sample_rate = audio.sample_rate
    resampler = av.AudioResampler(format="fltp", layout="mono", rate=SPEECH_RATE)
    parts = [f.to_ndarray()[0] for f in resampler.resample(frame) + resampler.resample(None)]
    return np.concatenate(parts).astype(np.float32)


def _decode(source: Path | io.BytesIO) -> Waveform:
    """Read audio as mono float at 16 kHz."""
    resampler = av.AudioResampler(format="fltp", layout="mono", rate=SPEECH_RATE)
    try:
        with av.open(str(source) if isinstance(source, Path) else source) as container:
            frames = [f for frame in container.decode(audio=0) for f in resampler.resample(frame)]
        frames += resampler.resample(None)
    except (av.FFmpegError, OSError) as exc:
        raise MediaError(f"The speech cannot be read: {exc}") from exc
    if not frames:
        raise MediaError("The speech holds no audio; give espeak-ng a text with words in it.")
    return Waveform(np.concatenate([f.to_ndarray() for f in frames], axis=1).astype(np.float32), SPEECH_RATE)
