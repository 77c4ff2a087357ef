"""Convert ComfyUI's IMAGE, AUDIO and VIDEO to the library's clips and waveforms, and back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from fractions import Fraction
from hashlib import sha256
from io import BytesIO
from typing import TYPE_CHECKING, Any

import comfy.model_management as mm
import numpy as np
import torch
from comfy_api.latest import InputImpl

from ...latentsync_core.data import Clip, Frame, Waveform
from ...latentsync_core.errors import InputError, OptionError
from .audio_in import check_audio
from .temp import make_temp_file, write_temp_copy

if TYPE_CHECKING:
    from ...latentsync_core.plan import DubPlan


@dataclass(frozen=True, eq=False)
class Source:
    """A clip, and the properties that a file made from it keeps."""

    clip: Clip
    color: Any = None
    """Colour tags of the file, None for tensors."""
    pixel_aspect: Fraction = Fraction(1)
    audio: Waveform | None = None
    """The clip's own audio, where it was asked for and there is any."""


def pick_option(
    name: str, value: Mapping[str, Any] | None, menu: Iterable[str]
) -> tuple[str, dict[str, Any]]:
    """Return the chosen entry of a DynamicCombo, and the values of its inputs by name; raises OptionError.

    ComfyUI's server does not check such a menu: for an entry that does not exist the node gets no value at all.
    """
    entries, given = list(menu), dict(value or {})
    if name not in given:
        raise OptionError(f"{name} is missing or not in its menu: it takes {', '.join(entries)}.")
    return check_option(name, given.pop(name), entries), given


def check_option(name: str, value: str, menu: Iterable[str]) -> str:
    """Return `value`; raises OptionError if it is not in the menu. A server checks this, callers in Python do not."""
    if value not in (entries := list(menu)):
        raise OptionError(f"{name} takes {', '.join(entries)}, got {value!r}.")
    return value


def clip_of(images: torch.Tensor, fps: float | Fraction, audio: Mapping[str, Any] | None = None) -> Clip:
    """Return an IMAGE batch (B, H, W, 3 or 4) as a clip; a fourth channel is left out. Raises InputError.

    audio: the AUDIO that belongs to the images.
    """
    from ...latentsync_core.media import TensorClip

    if not isinstance(images, torch.Tensor) or images.ndim != 4 or images.shape[3] not in (3, 4):
        shape = tuple(getattr(images, "shape", ()))
        raise InputError(f"images takes a batch of images (B, H, W, 3 or 4), got shape {shape}.")
    if not len(images):
        raise InputError("images is empty: the node it comes from gave no image.")
    if images.dtype == torch.bfloat16:  # which NumPy does not know
        images = images.float()
    return TensorClip(images[..., :3].contiguous(), fps, None if audio is None else waveform_of(audio))


def masks_of(mask: torch.Tensor | None) -> Clip | None:
    """Return a MASK (B, H, W) or (H, W) as a clip of grey frames, None without one. Raises InputError."""
    if mask is None:
        return None
    if not isinstance(mask, torch.Tensor) or mask.ndim not in (2, 3):
        raise InputError(f"protect takes a MASK (B, H, W), got shape {tuple(getattr(mask, 'shape', ()))}.")
    batch = mask if mask.ndim == 3 else mask[None]
    return clip_of(batch[..., None].expand(-1, -1, -1, 3), 25)


def waveform_of(audio: Mapping[str, Any] | None) -> Waveform:
    """Return an AUDIO as a waveform, float samples untouched; raises InputError as `check_audio`."""
    samples, rate = check_audio(audio)
    return Waveform(samples[0].detach().cpu().float().contiguous().numpy(), rate)


def audio_of(waveform: Waveform) -> dict[str, Any]:
    """Return a waveform as an AUDIO."""
    samples = torch.from_numpy(np.ascontiguousarray(waveform.samples))[None]
    return {"waveform": samples, "sample_rate": waveform.sample_rate}


def fit_audio(
    audio: Mapping[str, Any], seconds: float, frame: float, start: float = 0.0
) -> Mapping[str, Any]:
    """Return an AUDIO from second `start` on that lasts `seconds`: cut, or followed by silence.

    frame: seconds of a frame. An AUDIO whose length differs by less than that is returned as it is. Float samples are
    not changed.
    """
    samples, rate = check_audio(audio)
    rest = samples[..., round(start * rate) :]
    missing = round(seconds * rate) - rest.shape[-1]
    if start or abs(missing) >= frame * rate:
        samples = torch.nn.functional.pad(rest, (0, missing))
    return audio if samples is audio["waveform"] else {**audio, "waveform": samples, "sample_rate": rate}


def images_of(frames: list[np.ndarray]) -> torch.Tensor:
    """Return frames (H, W, C), uint8 or float in 0..1, as an IMAGE."""
    batch = torch.from_numpy(np.stack(frames))
    return (batch.float() / 255 if batch.dtype == torch.uint8 else batch).to(mm.intermediate_device())


def open_given(
    video: Any,
    images: torch.Tensor | None,
    fps: float,
    audio: bool = False,
    own: Mapping[str, Any] | None = None,
) -> AbstractContextManager[Source]:
    """Open the one of video and images that is connected; raises InputError unless exactly one is.

    audio: whether the video's own audio is given. own: the AUDIO that belongs to images.
    """
    if (video is None) == (images is None):
        which = "neither is" if video is None else "both are"
        raise InputError(f"This node takes either video or images, {which} connected.")
    return open_video(video, audio) if images is None else nullcontext(Source(clip_of(images, fps, own)))


@contextmanager
def open_video(video: Any, audio: bool = False) -> Iterator[Source]:
    """Give a VIDEO as a clip, with its trim applied, and its own audio if `audio`.

    A file is read frame by frame. Bytes in memory are written to a file in ComfyUI's temp folder, which is removed when
    the block ends.
    """
    if isinstance(video, InputImpl.VideoFromComponents):
        yield _from_tensors(video, audio)
        return
    content = video.get_stream_source()
    in_memory = isinstance(content, BytesIO)
    identity = sha256(content.getbuffer()).hexdigest() if in_memory else None
    with write_temp_copy(content) if in_memory else nullcontext(content) as path:
        start, duration = video.get_active_trim_window()
        source = _from_file(path, identity, start, duration, audio)
        # VIDEOs of newer ComfyUIs may be cropped or resized on top of their file
        shown = sorted(video.get_dimensions()) == sorted((source.clip.width, source.clip.height))
        yield source if shown else _from_tensors(video, audio)


def _from_tensors(video: Any, audio: bool) -> Source:
    parts = video.get_components()
    own = waveform_of(parts.audio) if audio and parts.audio is not None else None
    return Source(clip_of(parts.images, parts.frame_rate, parts.audio), audio=own)


def _from_file(path: str, identity: str | None, start: float, duration: float, audio: bool) -> Source:
    from ...latentsync_core.media import FileClip, read_audio, trim

    file = FileClip(path, identity)
    own = read_audio(path, start, duration or None) if audio and file.has_audio else None
    clip = trim(file, start, duration) if start or duration else file
    return Source(clip, file.color, file.pixel_aspect, own)


def video_of(frames: Iterable[Frame], shown: Clip | DubPlan, *, like: Source, audio: Waveform | None) -> Any:
    """Write frames and audio to a file and return it as a VIDEO; on failure no file is left.

    shown: when each frame is shown. like: the source of size, colour tags and pixel aspect.
    """
    from ...latentsync_core.media import open_writer

    path, clip = make_temp_file(".mp4"), like.clip
    with open_writer(
        path, clip.height, clip.width, shown.fps,
        audio=audio, duration=shown.duration, color=like.color, pixel_aspect=like.pixel_aspect,
    ) as writer:  # fmt: skip
        for frame, time in zip(frames, shown.times, strict=True):
            writer.write(frame, float(time))
    return InputImpl.VideoFromFile(path)
