"""Long clips in parts: where in the speech the frames of a part begin."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from ...latentsync_core.errors import InputError


def start_of(
    audio_start: float, meta_batch: Any, fps: Fraction, prompt: Mapping[str, Any] | None
) -> float | None:
    """Return the second of the speech at which a part of a clip begins; None for a whole clip.

    meta_batch: VideoHelperSuite's Meta Batch Manager. That pack counts its batches in `prompt`, as an input `requeue`
    of the manager. Raises InputError where there is none.
    """
    if meta_batch is None:
        return audio_start or None
    try:
        batch = prompt[meta_batch.unique_id]["inputs"].get("requeue", 0)  # type: ignore[index]
        return audio_start + float(batch * meta_batch.frames_per_batch / fps)
    except (AttributeError, KeyError, TypeError) as exc:
        raise InputError(
            "meta_batch takes the Meta Batch Manager of VideoHelperSuite, and this one does not count its batches; "
            "leave it unconnected, and give each part its audio_start."
        ) from exc
