"""Show progress, time left and previews, and stop on ComfyUI's interrupt."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from typing import Any

import comfy.model_management as mm
import comfy.utils
import numpy as np
from PIL import Image

from ...latentsync_core.data import Frame
from ...latentsync_core.plan import DubPlan
from ...latentsync_core.timeleft import TimeLeft, format_duration

log = logging.getLogger(__name__)

PREVIEW_PIXELS = 512
"""Longer side of a preview."""
TEXT_SECONDS = 0.5
"""Seconds between two texts."""
TITLES = {
    "survey": "Looking for faces",
    "speaker": "Telling who speaks",
    "listen": "Listening to the speech",
    "resync": "Re-syncing the mouth",
    "write": "Writing",
    "look": "Looking at the mouth",
}


class Reporter:
    """Shows a node's progress; raises ComfyUI's interrupt wherever it is called.

    The library calls an instance as `progress(stage, done, total)`. last: the stage that ends the run, if there are
    several.
    """

    def __init__(self, node_id: str | None, last: str = "") -> None:
        self._node_id, self._last = node_id, last
        self._stage, self._done, self._total = "", 0, 1
        self._bar: Any = None
        self._said = 0.0
        self._left = TimeLeft()
        self._notes: list[str] = []

    def __call__(self, stage: str, done: int, total: int) -> None:
        check_interrupt()
        self._left(stage, done, total)
        if stage != self._stage:
            # ComfyUI's bar never goes back, so that each stage needs its own.
            self._stage, self._bar = stage, comfy.utils.ProgressBar(max(1, total), node_id=self._node_id)
        self._done, self._total = (done, total) if total else (1, 1)
        self._bar.update_absolute(self._done, self._total)
        self._show()

    def show_frames(self, frames: Iterator[Frame], dub: DubPlan, steps: int) -> Iterator[Frame]:
        """Yield the frames of a dub, and show the first one of every window; a window takes `steps` steps."""
        windows = 0
        for frame in self._left.frames(frames, dub.changed, dub.windows):
            check_interrupt()
            finished = self._done // steps if self._stage == "resync" else 0
            if finished > windows:
                windows = finished
                self._bar.update_absolute(self._done, self._total, ("JPEG", to_image(frame), PREVIEW_PIXELS))
            yield frame
            self._show()

    def follow(self, stage: str, frames: Iterable[Frame], total: int) -> Iterator[Frame]:
        """Yield frames, and report each as done."""
        for done, frame in enumerate(frames, 1):
            yield frame
            self(stage, done, total)

    def warn(self, warning: str) -> None:
        """Log a warning, and show it below all texts that follow."""
        log.warning("%s", warning)
        self.note(warning)

    def note(self, text: str) -> None:
        """Show a text, and show it below all texts that follow."""
        self._notes.append(text)
        send_text("\n".join(self._notes), self._node_id)

    def _show(self) -> None:
        now = time.monotonic()
        if not self._stage or (self._done < self._total and now - self._said < TEXT_SECONDS):
            return
        self._said = now
        text = f"{TITLES.get(self._stage, self._stage)}: {100 * self._done // self._total} %{self._format_rest()}"
        send_text("\n".join([text, *self._notes]), self._node_id)

    def _format_rest(self) -> str:
        left = self._left.seconds()
        if left is None or self._done == self._total:
            return ""
        if self._last in ("", self._stage):
            return f", about {format_duration(left)} left"
        return f", this step for about {format_duration(left)} more"


def check_interrupt() -> None:
    """Raise ComfyUI's interrupt if the user has asked for it."""
    mm.throw_exception_if_processing_interrupted()


def send_text(text: str, node_id: str | None) -> None:
    """Show a text on a node, where there is a server."""
    from server import PromptServer

    server = getattr(PromptServer, "instance", None)
    if server is not None and node_id is not None:
        server.send_progress_text(text, node_id)


def to_image(frame: Frame) -> Image.Image:
    """Return a frame (H, W, 3), uint8 or float in 0..1, as a Pillow image."""
    if frame.dtype != np.uint8:
        frame = (np.clip(frame, 0, 1) * 255).round().astype(np.uint8)
    return Image.fromarray(np.ascontiguousarray(frame))
