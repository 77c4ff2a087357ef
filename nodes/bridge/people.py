"""Find the people in a clip, draw and list them, and choose the speaker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import comfy.model_management as mm
import torch

from ...latentsync_core.data import Clip, FaceTrack, SpeakerChoice, pixel_aspect_of
from ...latentsync_core.errors import FaceError, InputError
from .media import images_of, pick_option
from .progress import Reporter
from .temp import keep_results
from .words import reword

if TYPE_CHECKING:
    from ...latentsync_core.faces import Speaker, Survey

CHOICES = ("auto", "left", "right", "number", "point", "box", "largest", "numbers")
SIDES = ("x", "y", "width", "height")

PREVIEW_PIXELS = 768
"""Longer side of a drawn frame."""


@dataclass(frozen=True, eq=False)
class FoundSpeaker:
    track: FaceTrack | None
    """None where there is no such person; the report says why."""
    preview: torch.Tensor
    report: str


def speaker_of(choose: Mapping[str, Any] | None) -> Speaker:
    """Return the argument of `faces.choose` for the widgets; raises OptionError and InputError."""
    how, given = pick_option("choose", choose, CHOICES)
    if how == "number":
        return given["number"]
    if how == "numbers":
        return given["numbers"].replace(" ", "")
    if how == "point":
        return given["x"], given["y"]
    return _pick_box(given.get("boxes")) if how == "box" else how


def survey_clip(clip: Clip, speaker: Speaker, reporter: Reporter) -> FoundSpeaker:
    """Find all faces of a clip, choose one, and draw them."""
    from ...latentsync_core.speakers import choose_speaker, find_faces

    device = str(mm.get_torch_device())
    with keep_results() as work:
        found = find_faces(clip, speaker, device=device, progress=reporter, work=work)
    try:
        track = choose_speaker(clip, found, speaker, device=device, progress=reporter)
    except FaceError as exc:  # no error of the node: its preview helps to choose another face
        return FoundSpeaker(
            None, _draw_preview(clip, found, None), f"{reword(str(exc))}\n{_format_report(clip, found, None)}"
        )
    return FoundSpeaker(
        track, _draw_preview(clip, found, track.choice), _format_report(clip, found, track.choice)
    )


def _pick_box(boxes: Any) -> tuple[float, float, float, float]:
    """Return left, top, right, bottom of the first box: `boxes` is one, or those of an image or of every frame."""
    while isinstance(boxes, (list, tuple)):
        boxes = next((inner for inner in boxes if inner), None)
    if not boxes:
        raise InputError("choose = box needs boxes with at least one box in it; connect a face detector.")
    if not isinstance(boxes, Mapping) or not set(SIDES) <= set(boxes):
        raise InputError(f"boxes takes a BOUNDING_BOX ({', '.join(SIDES)} in pixels), got {boxes!r}.")
    x, y, width, height = (float(boxes[side]) for side in SIDES)
    return x, y, x + width, y + height


def _draw_preview(clip: Clip, found: Survey, choice: SpeakerChoice | None) -> torch.Tensor:
    """Draw the faces on a few frames, as an IMAGE of at most 768 px."""
    from ...latentsync_core.faces import draw_faces, pick_frames

    shown = pick_frames(found)
    aspect = pixel_aspect_of(clip)
    drawn = [
        draw_faces(frame, found, i, choice.persons_at(i) if choice else (), aspect)
        for i, frame in zip(shown, clip.read(shown), strict=True)
    ]
    images = images_of(drawn).float()
    scale = PREVIEW_PIXELS / max(clip.height, clip.width)
    if scale >= 1:
        return images
    size = [max(1, round(clip.height * scale)), max(1, round(clip.width * scale))]
    small = torch.nn.functional.interpolate(images.movedim(-1, 1), size, mode="area")
    return small.movedim(1, -1).contiguous()


def _format_report(clip: Clip, found: Survey, choice: SpeakerChoice | None) -> str:
    lines = [f"persons: {len(found.tracks)}, frames: {len(clip.times)}, cuts: {len(found.cuts)}"]
    lines += [f"{number}: {track}" for number, track in enumerate(found.tracks, 1)]
    return "\n".join(lines if choice is None else [*lines, str(choice)])
