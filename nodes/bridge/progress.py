"""Progress, what is left, previews, and the way to stop."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import comfy.model_management as mm
import comfy.utils
import numpy as np
from PIL import Image

from ...latentsync_core.data import Array

PREVIEW_PIXELS = 512
"""Longer side of a preview."""
TEXT_SECONDS = 0.5
"""Between two texts."""
TITLES = {
    "survey": "Looking for faces",
    "listen": "Listening to the speech",
    "resync": "Re-syncing the mouth",
    "write": "Writing",
    "look": "Looking at the mouth",
}


class Reporter:
    """Shows a node's progress; raises ComfyUI's interrupt wherever it is called.

    An instance is what the library calls as `progress(stage, done, total)`.
    """

    def __init__(self, node_id: str | None) -> None:
        self._node_id = node_id
        self._stage, self._done, self._total = "", 0, 1
        self._bar: Any = None
        self._started = self._said = 0.0
        self._preview_due = False

    def __call__(self, stage: str, done: int, total: int) -> None:
        check_interrupt()
        if stage != self._stage:
            # ComfyUI's bar shows no value below the last one, so that each stage needs its own.
            self._stage, self._bar = stage, comfy.utils.ProgressBar(max(1, total), node_id=self._node_id)
            self._started = time.monotonic()
        self._done, self._total = done, max(1, total)
        self._bar.update_absolute(done, self._total)
        self._say()

    def frames(self, frames: Iterator[Array], steps: int) -> Iterator[Array]:
        """Hand frames on; shows the first that comes out after every window, of `steps` steps each."""
        windows = 0
        for frame in frames:
            check_interrupt()
            finished = self._done // steps if self._stage == "resync" else 0
            if finished > windows:
                windows = finished
                self._bar.update_absolute(self._done, self._total, ("JPEG", picture(frame), PREVIEW_PIXELS))
            yield frame

    def _say(self) -> None:
        now = time.monotonic()
        if self._done < self._total and now - self._said < TEXT_SECONDS:
            return
        self._said = now
        text = f"{TITLES.get(self._stage, self._stage)}: {100 * self._done // self._total} %"
        if 0 < self._done < self._total:
            left = (now - self._started) / self._done * (self._total - self._done)
            text += f", about {duration(left)} left"
        send_text(text, self._node_id)


def check_interrupt() -> None:
    """Raise ComfyUI's interrupt if the user asked for it."""
    mm.throw_exception_if_processing_interrupted()


def send_text(text: str, node_id: str | None) -> None:
    """Show a text on a node, where there is a server."""
    from server import PromptServer

    server = getattr(PromptServer, "instance", None)
    if server is not None and node_id is not None:
        server.send_progress_text(text, node_id)


def duration(seconds: float) -> str:
    """87 -> "1 min 27 s"."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def picture(frame: Array) -> Image.Image:
    """A frame (H, W, 3), uint8 or float 0..1, as a Pillow image."""
    if frame.dtype != np.uint8:
        frame = (np.clip(frame, 0, 1) * 255).round().astype(np.uint8)
    return Image.fromarray(np.ascontiguousarray(frame))
