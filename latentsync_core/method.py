"""The steps in which our way of lip-syncing and upstream's differ; `exact` takes upstream's."""

from __future__ import annotations

import logging
import math
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from . import upstream
from .compositing import Patch, match_colors, paste, surround
from .data import SPEECH_RATE, Array, Clip, FaceTrack, FloatArray, Frame, Progress, SpeechTokens, Waveform
from .errors import OptionError
from .faces import align_track, crop_face
from .media import to_mono_16k, to_speech_16k
from .options import Options
from .plan import Layout
from .speech import ROWS_PER_SECOND, encode, listen

log = logging.getLogger(__name__)


class Method:
    """Our steps: nothing rounded, smoothing without lag, speech at one loudness, only the mouth pasted."""

    layout = Layout()
    sample_latents = False
    keeps_windows = True
    """Whether a window depends on nothing but its own crops and tokens, so that another run can use it."""

    def check(self, clip: Clip, options: Options) -> None:
        """Warn where the result will not be what the preset promises."""

    def prepare_speech(self, speech: Waveform) -> npt.NDArray[np.float32]:
        """Convert speech to what the encoder takes: one channel at 16 kHz, (n,)."""
        return to_speech_16k(speech)

    def measure_speech(self, speech: Waveform, samples: int, fps: Fraction) -> float:
        """Return the seconds of a result as long as the speech; samples: how many `prepare_speech` returned."""
        return speech.duration

    def encode(
        self, whisper: Any, samples: npt.NDArray[np.float32], seconds: float, progress: Progress | None
    ) -> SpeechTokens:
        """Encode prepared speech, and silence after it, for a result of so many seconds."""
        return listen(whisper, samples, seconds, progress)

    def align(self, clip: Clip, track: FaceTrack, resolution: int) -> FloatArray:
        """Align every frame of the clip to its crop, (N, 2, 3); NaN where there is no usable face."""
        return align_track(clip, track, resolution)

    def crop(self, frame: Frame, matrix: Array, resolution: int, align: int) -> Array:
        """Crop a face, (R, R, 3) in 0..255; matrix was made for a crop of resolution `align`."""
        return crop_face(frame, matrix, resolution, align)

    def finish(self, mouths: Array, crops: Array, keep: npt.NDArray[np.float32], options: Options) -> Array:
        """Fit decoded mouths (F, R, R, 3) to the crops that they were generated from."""
        return match_colors(mouths, crops, keep) if options.color_match else mouths

    def paste(
        self,
        frame: Frame,
        mouth: Array,
        matrix: Array,
        size: tuple[int, int],
        mask: Array,
        grain_seed: int | None,
    ) -> Patch:
        """Blend a mouth with its part of the frame; as `compositing.paste`."""
        return paste(frame, mouth, matrix, size, mask, grain_seed)


class Upstream(Method):
    """Upstream's steps, for a result that equals upstream's."""

    layout = Layout(
        breaks=False, fade_seconds=0.0, most_fps=math.inf, starts=upstream.touching_starts, fill=False
    )
    sample_latents = True
    keeps_windows = False  # each draws its latents from where the one before left the generator

    def check(self, clip: Clip, options: Options) -> None:
        if clip.fps != options.fps:
            log.warning(
                "`exact` agrees with upstream on clips of 25 fps only: this one has %.3f, and upstream lets ffmpeg "
                "choose the frames that stay.",
                float(clip.fps),
            )

    def prepare_speech(self, speech: Waveform) -> npt.NDArray[np.float32]:
        return to_mono_16k(speech)

    def measure_speech(self, speech: Waveform, samples: int, fps: Fraction) -> float:
        return upstream.count_frames(samples * ROWS_PER_SECOND // SPEECH_RATE, float(fps)) / float(fps)

    def encode(
        self, whisper: Any, samples: npt.NDArray[np.float32], seconds: float, progress: Progress | None
    ) -> SpeechTokens:
        return encode(whisper, samples, seams=True, progress=progress)

    def align(self, clip: Clip, track: FaceTrack, resolution: int) -> FloatArray:
        return upstream.align_causally(np.round(track.points), resolution)

    def crop(self, frame: Frame, matrix: Array, resolution: int, align: int) -> Array:
        return upstream.crop_in_8_bit(frame, matrix, resolution, align)

    def finish(self, mouths: Array, crops: Array, keep: npt.NDArray[np.float32], options: Options) -> Array:
        return surround(mouths, crops, keep)

    def paste(
        self,
        frame: Frame,
        mouth: Array,
        matrix: Array,
        size: tuple[int, int],
        mask: Array,
        grain_seed: int | None,
    ) -> Patch:
        return upstream.paste_crop(frame, mouth, matrix, size)


def check_independent(options: Options) -> None:
    """Raise OptionError where windows depend on one another, so that only one process can make them."""
    if not method_of(options).keeps_windows:
        raise OptionError(
            "`exact` cannot be made by several workers: each of its windows goes on with the random numbers of the "
            "one before. Use another preset, or no workers."
        )


def method_of(options: Options) -> Method:
    """Choose the steps for a run."""
    return Upstream() if options.exact else Method()
