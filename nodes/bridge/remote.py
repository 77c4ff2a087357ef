"""Jobs at WaveSpeed: build them from ComfyUI's media, keep state and results, and return results as media."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import folder_paths
import torch
from comfy_api.latest import InputImpl
from comfy_execution.graph_utils import ExecutionBlocker

from ...latentsync_core.errors import KeyMissingError
from .media import fit_audio, images_of, open_given, waveform_of
from .waiting import Watch

if TYPE_CHECKING:
    from ...latentsync_core.data import Clip
    from ...latentsync_core.remote import RemoteResult, Settings

RESULTS = "latentsync_remote"
"""Folder in ComfyUI's output folder: results are paid for, and stay until the user removes them."""
NOTHING = ExecutionBlocker(None)
"""The value of an output without a result: nodes behind it do not run."""
_NO_IMAGES = "LatentSync Remote gives images only with return_images on."


@dataclass(frozen=True)
class Order:
    """What may be bought."""

    model: str
    take: int
    max_cost: float
    dry_run: bool


async def buy(
    order: Order,
    video: Any,
    images: torch.Tensor | None,
    fps: float,
    audio: Mapping[str, Any],
    node_id: str | None,
) -> RemoteResult:
    """Lip-sync at WaveSpeed; raises ComfyUI's interrupt within a fraction of a second, and the library's errors."""
    from ...latentsync_core.remote import RemoteJob, remote_lip_sync
    from ...latentsync_core.remote.job import refuse_bad_input

    settings = _read_settings()
    with ExitStack() as stack:
        with refuse_bad_input():
            speech = waveform_of(audio)
            source = await asyncio.to_thread(stack.enter_context, open_given(video, images, fps))
        cost = Decimal(str(round(order.max_cost, 2)))
        job = RemoteJob(
            source.clip, speech, _make_results(), order.model,
            take=order.take, max_cost_usd=cost, dry_run=order.dry_run,
        )  # fmt: skip
        watch = Watch(node_id, settings.host_name)
        return await watch.wait_for(remote_lip_sync(job, settings=settings, on_progress=watch.show))


async def fetch(prediction_id: str, node_id: str | None) -> RemoteResult:
    """Fetch the result of a prediction by its id; raises as `buy`."""
    from ...latentsync_core.remote import resume_task

    settings = _read_settings()
    watch = Watch(node_id, settings.host_name)
    work = resume_task(prediction_id, _make_results(), settings=settings, on_progress=watch.show)
    return await watch.wait_for(work)


def list_jobs(limit: int) -> str:
    """Return the jobs of the journal, newest first, a line each."""
    from ...latentsync_core.remote import Journal, Settings
    from ...latentsync_core.remote.listing import format_jobs

    with Journal(Settings(_find_state_dir()).make_state_dir()) as journal:
        return "\n".join(format_jobs(journal.list_recent(limit)))


def version_of_journal() -> str:
    """Return a text that changes whenever the journal does."""
    from ...latentsync_core.remote.journal import FILE_NAME

    # Reading changes the -shm file too, which would make ComfyUI run the node every time.
    files = [path for path in _find_state_dir().glob(f"{FILE_NAME}*") if not path.name.endswith("-shm")]
    return " ".join(f"{file.stat().st_mtime_ns}" for file in sorted(files))


def video_of(result: RemoteResult) -> Any:
    """Return the VIDEO of a result; after a dry run NOTHING."""
    return NOTHING if result.path is None else InputImpl.VideoFromFile(str(result.path))


async def media_of(
    result: RemoteResult, audio: Mapping[str, Any], return_images: bool
) -> tuple[Any, Any, Any]:
    """Return VIDEO, IMAGE and AUDIO of a result; the AUDIO is the given one, as long as the result."""
    from ...latentsync_core.media import FileClip

    if result.path is None:
        return NOTHING, NOTHING, NOTHING
    clip = await asyncio.to_thread(FileClip, result.path)
    images = await asyncio.to_thread(_read_images, clip) if return_images else ExecutionBlocker(_NO_IMAGES)
    return video_of(result), images, fit_audio(audio, clip.duration, 1 / float(clip.fps))


def _read_images(clip: Clip) -> torch.Tensor:
    return images_of(list(clip.read(range(len(clip.times)))))


def _read_settings() -> Settings:
    """Read the environment, with ComfyUI's own folder for the state; raises KeyMissingError without a key."""
    from ...latentsync_core.remote import Settings
    from ...latentsync_core.remote.keys import KEY_FILE_VARIABLE, KEY_NAME, KEY_VARIABLE
    from ...latentsync_core.remote.settings import KEYS_COME_FROM

    settings = Settings.from_environment(default_state_dir=_find_state_dir())
    if settings.key is None:
        raise KeyMissingError(
            settings.name_host("No WaveSpeed key is set."),
            f"Set {KEY_VARIABLE} before ComfyUI starts, or {KEY_FILE_VARIABLE} to a file, or put the key into "
            f"{settings.make_state_dir() / KEY_NAME}; {settings.name_host(KEYS_COME_FROM)}",
        )
    return settings


def _find_state_dir() -> Path:
    from ...latentsync_core.remote.settings import find_state_dir

    return find_state_dir(os.environ, Path(folder_paths.get_system_user_directory("latentsync")))


def _make_results() -> Path:
    folder = Path(folder_paths.get_output_directory()) / RESULTS
    folder.mkdir(parents=True, exist_ok=True)
    return folder
