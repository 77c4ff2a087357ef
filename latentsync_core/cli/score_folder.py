"""`score FOLDER`: every video in it against its own audio, by this process or by the workers of a pool."""

from __future__ import annotations

import argparse
import concurrent.futures
import platform
import sys
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from ..diffusion import fingerprint_weights
from ..errors import InputError, LatentSyncError, OptionError
from ..faces import Speaker
from ..media import FileClip, read_audio
from ..metrics import Score, score
from ..models.syncnet import StableSyncNet
from ..pool import IN_FLIGHT, Pool, WorkerHere, WorkerIdentity, name_device, open_pool
from ..speakers import find_face
from ..version import __version__
from ..weights import find_syncnet, load_syncnet
from ..weights.place import pick_device
from .batch import SOME_FAILED
from .batch.rows import VIDEO_SUFFIXES
from .inputs import folders_elsewhere, name_elsewhere, workers_of
from .outputs import check_report, write_json

_WAKE_SECONDS = 0.2
"""On Windows Ctrl-C is noticed only between two waits."""
_HEAD = f"{'offset':>7} {'confidence':>11} {'face':>5} {'jitter':>7}  video"


@dataclass(frozen=True)
class ClipTask:
    """A video to score against its own audio; a `PoolTask`."""

    name: str
    """Its whole path, by which workers on other machines find it too."""
    speaker: Speaker
    deinterlace: bool

    @property
    def kind(self) -> str:
        """Each video takes its own time."""
        return self.name


@dataclass(frozen=True)
class SyncNetSource:
    """Which SyncNet a worker loads; arguments of `find_syncnet`."""

    model: str
    folders: tuple[str, ...]

    def load(self, device: str | None, threads: int) -> ClipScorer:
        """Load it to a device (None: the best there is) of this process, which gets so many threads."""
        torch.set_num_threads(threads)
        place = pick_device(device)
        return ClipScorer(load_syncnet(find_syncnet(self.model, self.folders)).to(place), place)


class ClipScorer:
    """Scores videos; a `Maker`."""

    def __init__(self, syncnet: StableSyncNet, device: torch.device) -> None:
        self._syncnet, self._device = syncnet, device
        self.identity = WorkerIdentity(
            networks=fingerprint_weights("", syncnet),
            precision="float32",
            device=name_device(device),
            torch=torch.__version__,
            version=__version__,
            place=f"{device} of {platform.node()}",
            threads=torch.get_num_threads(),
        )

    def make(self, task: ClipTask, on_step: Callable[[], None] = lambda: None) -> Score:
        """Score a video; on_step: called after each frame that is looked at; may raise."""

        def progress(*_: object) -> None:
            on_step()

        clip, audio = FileClip(task.name, deinterlace=task.deinterlace), read_audio(task.name)
        track = find_face(clip, task.speaker, device=str(self._device), progress=progress)
        return score(clip, audio, self._syncnet, track=track, progress=progress)


def score_folder(args: argparse.Namespace) -> int:
    """Print a line for each video as it is scored, and write all figures if asked to; return 0, or 3 if some failed."""
    if args.audio or args.against or args.plot:
        raise OptionError(
            "The videos of a folder are scored with their own audio: no AUDIO, --against or --plot."
        )
    videos = find_videos(args.video)
    if args.json:
        check_report(args.json, *videos)
    scores = dict[str, Any]()
    tasks = [ClipTask(str(video.resolve()), args.speaker, args.deinterlace) for video in videos]
    with _open_scorers(args) as pool, tqdm(total=len(videos), unit="video", disable=None) as bar:
        bar.write(_HEAD, file=sys.stdout)
        for video, made in zip(videos, _hand_out(tasks, pool), strict=True):
            name = video.relative_to(args.video).as_posix()
            scores[name] = _note(name, made, bar)
            bar.update()
    failed = sum("error" in score for score in scores.values())
    print(f"{len(videos) - failed} scored, {failed} failed")
    if args.json:
        write_json(args.json, {"folder": str(args.video), "model": str(args.model), "videos": scores})
    return SOME_FAILED if failed else 0


def find_videos(folder: Path) -> list[Path]:
    """Return the videos in a folder and its folders, in order, without hidden ones; raises InputError without any."""
    videos = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in VIDEO_SUFFIXES
        and not any(part[0] == "." for part in path.relative_to(folder).parts)
    )
    if not videos:
        raise InputError(f"{folder} has no video; a video is a file {', '.join(VIDEO_SUFFIXES)}.")
    return videos


def _open_scorers(args: argparse.Namespace) -> Pool[ClipTask, Score]:
    source, workers = SyncNetSource(name_elsewhere(args.model), folders_elsewhere(args)), workers_of(args)
    if workers:
        return open_pool(workers, source.load)
    scorer = source.load(args.device, torch.get_num_threads())
    return Pool([lambda: WorkerHere(scorer)])


def _hand_out(tasks: list[ClipTask], pool: Pool[ClipTask, Score]) -> Iterator[Future[Score]]:
    """Yield what becomes of the tasks, in their order, a few of them ahead."""
    waiting = deque[Future[Score]]()
    for task in tasks:
        waiting.append(pool.submit(task))
        if len(waiting) > IN_FLIGHT * len(pool):
            yield waiting.popleft()
    yield from waiting


def _note(name: str, made: Future[Score], bar: tqdm[Any]) -> dict[str, Any]:
    """Print what became of a video, and return it ready for JSON."""
    while not concurrent.futures.wait([made], _WAKE_SECONDS).done:
        pass
    try:
        found = made.result()
    except LatentSyncError as exc:
        bar.write(f"{name}: {exc}", file=sys.stderr)
        return {"error": str(exc)}
    offset = "unsure" if found.offset is None else f"{found.offset:+d}"
    bar.write(
        f"{offset:>7} {found.confidence:11.3f} {found.found:5.0%} {found.jitter:7.2f}  {name}",
        file=sys.stdout,
    )
    return found.to_json()
