"""The media that come with the pack."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from comfy_api.latest import InputImpl, Types

from .media import audio_of, check_option, images_of

FOLDER = Path(__file__).parents[2] / "example_workflows" / "media"
CLIPS = {
    "person": "latentsync_person.mp4",
    "two_people": "latentsync_two_people.mp4",
    "film": "latentsync_film.mp4",
    "portrait": "latentsync_portrait.jpg",
}
SENTENCE = "latentsync_sentence.flac"


def media_of(clip: str) -> tuple[Any, torch.Tensor, dict[str, Any]]:
    """Return VIDEO, IMAGE of its first frame, AUDIO of the new sentence; raises OptionError."""
    from ...latentsync_core.media import FileClip, read_audio

    path = FOLDER / CLIPS[check_option("clip", clip, CLIPS)]
    image = images_of([next(iter(FileClip(path).read([0])))])
    return _open_video(path, image), image, audio_of(read_audio(FOLDER / SENTENCE))


def _open_video(path: Path, image: torch.Tensor) -> Any:
    if path.suffix == ".mp4":
        return InputImpl.VideoFromFile(str(path))
    return InputImpl.VideoFromComponents(Types.VideoComponents(images=image, audio=None, frame_rate=25))
