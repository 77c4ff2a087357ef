"""Why each output frame changes or passes through, and how much of the new mouth it shows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..data import FaceTrack, IntArray
from ..errors import FaceError
from ..options import Options
from .hidden import fade_by_cover
from .turned import fade_by_turn

# The values of `Plan.reasons`.
RESYNC, NO_LINE, ANOTHER, NO_FACE, DISSOLVE = "resync", "no line", "another person", "no face", "dissolve"
TURNED, COVERED, SILENT = "turned away", "covered", "silent"


@dataclass(frozen=True, eq=False)
class Cause:
    """One reason to keep the source's mouth."""

    reason: str
    alpha: npt.NDArray[np.float32]
    """Shape (M,), 0..1: how much of the new mouth it lets through at each output frame."""


def find_causes(
    source: IntArray,
    track: FaceTrack,
    present: npt.NDArray[np.bool_],
    speaks: npt.NDArray[np.bool_],
    options: Options,
    fps: float,
    asked: npt.NDArray[np.bool_] | None = None,
) -> Iterator[Cause]:
    """Yield what may keep the source's mouth, the most important first; arguments as of `build_plan`.

    source: (M,), the frame of the clip that each output frame shows. fps: frames a second of the clip.
    """
    if asked is not None:
        yield Cause(NO_LINE, asked.astype(np.float32))
    if track.others is not None:
        yield Cause(ANOTHER, (present | ~track.others)[source].astype(np.float32))
    yield Cause(NO_FACE, present[source].astype(np.float32))
    if track.dissolves is not None and not options.exact:
        yield Cause(DISSOLVE, (1 - track.dissolves)[source].astype(np.float32))
    yield Cause(TURNED, fade_by_turn(track, fps, options.max_turn)[source])
    if options.covered == "keep" and track.covered is not None:
        yield Cause(COVERED, fade_by_cover(track.covered, track.cuts, fps)[source])
    if options.silence == "keep":
        yield Cause(SILENT, speaks.astype(np.float32))


def decide(causes: Iterator[Cause], frames: int) -> tuple[tuple[str, ...], npt.NDArray[np.float32]]:
    """Return why each output frame changes or passes through, and how much of the new mouth shows, (M,) in 0..1.

    The first cause that lets nothing through names the reason.
    """
    reasons, alpha = np.full(frames, RESYNC, dtype=object), np.ones(frames, np.float32)
    for cause in causes:
        reasons[(cause.alpha == 0) & (alpha > 0)] = cause.reason
        alpha = np.minimum(alpha, cause.alpha)
    return tuple(reasons.tolist()), alpha


def require_faces(reasons: tuple[str, ...], options: Options) -> None:
    """Raise FaceError where no frame shows the face, or where one does not and `options.missing_face` is `error`."""
    missing = [i for i, reason in enumerate(reasons) if reason in (ANOTHER, NO_FACE)]
    asked = sum(reason != NO_LINE for reason in reasons)
    if len(missing) == asked:
        raise FaceError(
            f"None of the {asked} frames shows the face. Check the clip, or the speaker that was chosen."
        )
    if missing and options.missing_face == "error":
        raise FaceError(
            f"{len(missing)} of {asked} frames show no face of the speaker, the first is frame {missing[0]}. "
            'With missing_face="keep" such frames pass through unchanged.'
        )
