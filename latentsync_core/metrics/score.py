"""Score a clip: whether mouth and audio are in sync, how steady the mouth is, how it differs from the original."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..data import SPEECH_RATE, Clip, FaceTrack, Progress, Waveform, pluralize
from ..errors import FaceError
from ..media import to_mono_16k, to_speech_16k
from ..models.syncnet import KNOWS, StableSyncNet
from ..models.videomae import ClipEncoder
from .against import Comparison, compare_images
from .sync import (
    FPS,
    FRAMES,
    LEAST_CONFIDENCE,
    MAX_OFFSET,
    SyncCurve,
    compare,
    embed_audio,
    reach_of,
)
from .view import View, look

SAMPLES_PER_FRAME = SPEECH_RATE // FPS
SILENCE_DB = -100.0
PUBLISHED_EVALUATOR = (
    "`latentsync weights get 1.6 --syncnet` and score with --model 1.6; in the node, model 1.6"
)


@dataclass(frozen=True, eq=False)
class Score:
    """The measurements of a clip, at 25 frames a second."""

    curve: SyncCurve
    found: float
    """Fraction of the frames that show the face."""
    opening: npt.NDArray[np.float64]
    """Shape (N,): how far the mouth is open, see `faces.measure_openings`; NaN where there is no face."""
    level: npt.NDArray[np.float64]
    """Shape (N,): level of the audio in dB of full scale, -100 for silence."""
    knows: str
    """What the evaluator was trained on; of other faces and voices its figures say little."""
    jitter: float
    """Mean change of the mouth from frame to frame, in grey levels of 256, by speech as well as by noise."""
    against: Comparison | None = None
    """With the original, where one was given."""

    @property
    def offset(self) -> int | None:
        """Frames by which the audio comes too early; negative: too late; None where `confidence` is below 0.3."""
        return self.curve.offset if self.curve.sure else None

    @property
    def confidence(self) -> float:
        """See `SyncCurve.confidence`."""
        return self.curve.confidence

    @property
    def times(self) -> npt.NDArray[np.float64]:
        """Shape (N,): the start of every frame in seconds."""
        return np.arange(len(self.opening)) / FPS

    def to_json(self) -> dict[str, Any]:
        """Return everything, ready for JSON; NaN becomes None."""
        opening = [None if np.isnan(value) else round(float(value), 4) for value in self.opening]
        return {
            "offset_frames": self.offset,
            "offset_seconds": None if self.offset is None else self.offset / FPS,
            "confidence": round(self.confidence, 4),
            "least_confidence": LEAST_CONFIDENCE,
            "judge_knows": self.knows,
            "curve": {
                "offsets": self.curve.offsets.tolist(),
                "cosines": np.round(self.curve.cosines, 4).tolist(),
                "windows": self.curve.windows,
            },
            "face_found": round(self.found, 4),
            "jitter": round(self.jitter, 3),
            "against": None if self.against is None else asdict(self.against),
            "fps": FPS,
            "opening": opening,
            "level_db": np.round(self.level, 2).tolist(),
        }

    def __str__(self) -> str:
        """A few lines for people."""
        best, reach = float(self.curve.cosines.max()), self.curve.reach
        lines = [
            _describe_offset(self.offset),
            f"confidence {self.confidence:.3f}: the best cosine, {best:.3f}, above the median of shifts "
            f"of -{reach}..{reach} frames, over {pluralize(self.curve.windows, 'window')}",
            f"the face is in {self.found:.0%} of {len(self.opening)} frames; its mouth changes by "
            f"{self.jitter:.2f} grey levels from frame to frame",
        ]
        if reach < MAX_OFFSET:
            lines.append(
                f"the clip is short: no shift beyond {reach} frames was tried, and other words can fit as well"
            )
        lines.append(f"the evaluator knows {self.knows}; of other faces and voices its figures say little")
        if self.knows != KNOWS:
            lines.append(f"for {KNOWS}: {PUBLISHED_EVALUATOR}")
        if self.against is not None:
            lines += _describe_comparison(self.against)
        return "\n".join(lines)


def score(
    clip: Clip,
    audio: Waveform,
    syncnet: StableSyncNet,
    *,
    against: Clip | None = None,
    clip_encoder: ClipEncoder | None = None,
    track: FaceTrack | None = None,
    progress: Progress | None = None,
) -> Score:
    """Score a clip and audio that starts with it.

    against: the original of a re-synced clip. clip_encoder: adds TREPA's distance to that comparison. track: the
    face, one entry per frame of the clip; None is the one with the most area. progress: called for `survey` and
    `look`. Clips of other rates are sampled at 25 frames a second; where clip or audio is longer, the rest of it is
    left out. Raises InputError below 26 frames of both (1.04 s), FaceError without a face for 16 frames in a row.
    """
    view = look(clip, syncnet, track, progress)
    return Score(
        curve=measure_sync(view, to_speech_16k(audio), syncnet),
        found=float(view.scene.found.mean()),
        opening=view.opening,
        level=measure_level(to_mono_16k(audio), len(view.opening)),
        knows=syncnet.knows,
        jitter=view.jitter,
        against=None if against is None else compare_images(view.scene, against, clip_encoder),
    )


def measure_sync(view: View, samples: npt.NDArray[np.float32], syncnet: StableSyncNet) -> SyncCurve:
    """Compare a view with audio (n,) at 16 kHz; raises InputError and FaceError as `score`."""
    frames = min(len(view.opening), len(samples) // SAMPLES_PER_FRAME)
    reach = reach_of(frames)
    usable = (view.starts >= reach) & (view.starts <= frames - FRAMES - reach)
    if not usable.any():
        raise FaceError(
            f"The face is not in view for {FRAMES} frames in a row with {reach} frames of audio before and after; "
            "give a longer clip."
        )
    audio = embed_audio(syncnet, samples, frames)
    return compare(view.mouths[usable], view.starts[usable], audio, reach)


def measure_level(samples: npt.NDArray[np.float32], frames: int) -> npt.NDArray[np.float64]:
    """Compute the RMS level of audio (n,) at 16 kHz in each frame, (frames,), in dB of full scale, at least -100."""
    padded = np.zeros(frames * SAMPLES_PER_FRAME)
    padded[: len(samples)] = samples[: len(padded)]
    power = (padded.reshape(frames, SAMPLES_PER_FRAME) ** 2).mean(1)
    return 10 * np.log10(np.maximum(power, 10 ** (SILENCE_DB / 10)))


def _describe_offset(offset: int | None) -> str:
    if offset is None:
        return f"no verdict: with a confidence below {LEAST_CONFIDENCE}, no shift fits clearly better than the others"
    if offset == 0:
        return "the audio fits the mouth best where it is (offset +0)"
    early = "early: delay" if offset > 0 else "late: advance"
    frames = f"{pluralize(abs(offset), 'frame')} ({abs(offset) / FPS:.2f} s)"
    return f"the audio comes {frames} too {early} it (offset {offset:+d})"


def _describe_comparison(against: Comparison) -> list[str]:
    return [
        f"against the original, inside the mask: PSNR {against.psnr_inside:.2f} dB, SSIM {against.ssim_inside:.4f}",
        f"outside the mask: PSNR {against.psnr_outside:.2f} dB, SSIM {against.ssim_outside:.4f}",
        f"the original's mouth changes by {against.jitter:.2f} grey levels from frame to frame",
        *([] if against.temporal is None else [f"temporal distance (TREPA) {against.temporal:.3e}"]),
    ]
