"""Videos of people who speak -> aligned faces and their audio, in the layout that training reads."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from latentsync_core.data import SPEECH_RATE, FaceTrack, FloatArray, Progress
from latentsync_core.errors import InputError, LatentSyncError
from latentsync_core.faces import FaceFinder, choose, crop_face, smooth_matrices, square_pixels, survey
from latentsync_core.media import FileClip, Timeline, fit, read_audio, to_speech_16k
from latentsync_core.metrics.sync import SyncCurve, reach_of, sync_curve
from latentsync_core.models.syncnet import StableSyncNet
from latentsync_core.partial import replacing

from .data import save
from .footage import FPS, REPORT, audio_path, crops_path, read_report
from .vae import to_pixels

log = logging.getLogger(__name__)

VIDEOS = {".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi"}

LEAST_FRAMES = 48
"""Three windows, as upstream: there is always a reference window away from the one to be painted."""
MOST_FRAMES = 150
"""Longer shots are cut into several clips, of which each is read into memory when it is made."""


@dataclass(frozen=True)
class Criteria:
    """Which footage is good enough."""

    resolution: int = 256
    least_size: float = 0.5
    """Least width of a face in the video, as a fraction of its width in the crop."""
    most_turn: float = 69.0
    """Degrees; frames with the head turned sideways further are left out, see `FaceTrack.turn`."""
    most_offset: int = 6
    """Frames by which audio and mouth may be apart, 0..15, where a SyncNet measures it: the audio is moved by what
    it finds, and clips further apart are left out (6: upstream's preprocess/sync_av.py)."""


@dataclass(frozen=True)
class PreparationResult:
    """What became of one file."""

    file: str
    """Its path inside the folder."""
    clips: tuple[str, ...]
    """Names of the clips that were made of it."""
    dropped: tuple[str, ...]
    """Why the file, or a part of it, was left out."""
    notes: tuple[str, ...] = ()
    """What was found out about the audio of clips that were made."""


def prepare(
    folder: Path,
    out: Path,
    criteria: Criteria,
    syncnet: StableSyncNet | None = None,
    progress: Progress | None = None,
) -> Iterator[PreparationResult]:
    """Yield what became of every video in a folder and its subfolders; write clips and `report.json` to `out`.

    syncnet: moves the audio of every clip to where the mouth is; where it finds no clear offset the audio stays.
    progress is called after every frame that was looked at, once a file `NUMBER/OF NAME` as its stage. A file that
    cannot be used is dropped with its reason and the next one follows; files that the report names are looked at again
    only if they changed. Raises InputError if `folder` has no videos or `out` was made with other options.
    """
    videos = sorted(path for path in folder.rglob("*") if path.suffix.lower() in VIDEOS)
    if not videos:
        raise InputError(f"{folder} has no videos ({', '.join(sorted(VIDEOS))}).")
    report = _open_report(out, criteria, syncnet is not None)
    maker = _ClipMaker(out, criteria, syncnet, FaceFinder())
    for number, path in enumerate(videos, 1):
        name = path.relative_to(folder).as_posix()
        before, stamp = report["files"].get(name, {}), [path.stat().st_size, path.stat().st_mtime_ns]
        if before.get("stamp") != stamp:
            report_frame = None if progress is None else partial(progress, f"{number}/{len(videos)} {name}")
            result = maker.make_clips(path, name, _choose_number(report), report_frame)
            report["files"][name] = {
                "clips": result.clips, "dropped": result.dropped, "notes": result.notes, "stamp": stamp
            }  # fmt: skip
            _write_report(out, report)
            # Only now: a run that is stopped before this line must still have the files that its report names.
            for clip in before.get("clips", ()):
                crops_path(out, clip).unlink()
                audio_path(out, clip).unlink()
            yield result


def _open_report(out: Path, criteria: Criteria, synced: bool) -> dict[str, Any]:
    terms = {
        "resolution": criteria.resolution, "syncnet": synced, "most_offset": criteria.most_offset if synced else None
    }  # fmt: skip
    if not (out / REPORT).exists():
        return {**terms, "files": {}}
    report = read_report(out)
    for name, value in terms.items():
        if report.get(name) != value:
            raise InputError(
                f"{out} was prepared with {name} {report.get(name)}, not {value}, and what was done there is not done "
                "again; give another folder."
            )
    return report


def _choose_number(report: dict[str, Any]) -> int:
    """Return a number above all others, so that one never stands for two clips."""
    return 1 + max((int(clip) for entry in report["files"].values() for clip in entry["clips"]), default=-1)


def _write_report(out: Path, report: dict[str, Any]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    with replacing(out / REPORT) as part:
        part.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


@dataclass(frozen=True, eq=False)
class _ClipMaker:
    """Makes training clips of videos."""

    out: Path
    criteria: Criteria
    syncnet: StableSyncNet | None
    finder: FaceFinder

    def make_clips(
        self, path: Path, name: str, number: int, progress: Callable[[int, int], None] | None
    ) -> PreparationResult:
        """Write the clips of one file, numbered from `number`."""
        clips: list[str] = []
        dropped: list[str] = []
        notes: list[str] = []
        try:
            samples = to_speech_16k(read_audio(path))  # at the loudness that the pipeline encodes
            used = whole = 0
            for shot in _cut_shots(path, len(samples), self.criteria, self.finder, progress):
                offset, note, kept = self._find_offset(shot, samples)
                if note:
                    (notes if kept else dropped).append(f"{shot.place}: {note}")
                if kept:
                    clip = f"{number + len(clips):05d}"
                    save(crops_path(self.out, clip), shot.crops)
                    audio = shot.audio(samples, offset)
                    save(audio_path(self.out, clip), np.rint(audio.clip(-1, 1) * 32767).astype(np.int16))
                    clips.append(clip)
                used, whole = used + len(shot.crops), shot.whole
            if used < whole:
                notes.append(
                    f"{used / FPS:.1f} of {whole / FPS:.1f} s can be used; the rest is shorter than "
                    f"{LEAST_FRAMES / FPS:.1f} s between cuts, or its face is absent, small or turned away"
                )
        except (LatentSyncError, OSError) as exc:
            dropped.append(str(exc))
        log.info("%s: %d clips. %s", name, len(clips), " ".join(dropped + notes))
        return PreparationResult(name, tuple(clips), tuple(dropped), tuple(notes))

    def _find_offset(self, shot: _Shot, samples: npt.NDArray[np.float32]) -> tuple[int, str, bool]:
        """Return how many frames to delay the audio by, what to say of it, and whether to keep the clip."""
        if self.syncnet is None:
            return 0, "", True
        curve = _measure_offset(shot, samples, self.syncnet)
        found = f"{curve.offset:+d} frames (confidence {curve.confidence:.2f})"
        if not curve.sure:
            return 0, f"the audio stays as it is, this SyncNet finds no clear offset: {found}", True
        if abs(curve.offset) > self.criteria.most_offset:
            return 0, f"the audio is off by {found}, at most {self.criteria.most_offset} are corrected", False
        return curve.offset, f"the audio was moved by {found}" if curve.offset else "", True


def _measure_offset(shot: _Shot, samples: npt.NDArray[np.float32], syncnet: StableSyncNet) -> SyncCurve:
    pixels = to_pixels(shot.crops, syncnet.resolution)
    return sync_curve(syncnet, pixels, shot.audio(samples, 0), reach=reach_of(len(pixels)))


@dataclass(frozen=True, eq=False)
class _Shot:
    """A stretch of a video that shows the face."""

    crops: npt.NDArray[np.uint8]
    """(F, R, R, 3)"""
    start: int
    """Its first frame, at 25 a second."""
    whole: int
    """Frames of the video that it is from."""

    @property
    def place(self) -> str:
        """In words."""
        return f"{self.start / FPS:.1f}-{(self.start + len(self.crops)) / FPS:.1f} s"

    def audio(self, samples: npt.NDArray[np.float32], delay: int) -> npt.NDArray[np.float32]:
        """Cut its part of the file's samples (n,) at 16 kHz, delayed by frames; silence beyond the file's ends."""
        first, last = ((k - delay) * SPEECH_RATE // FPS for k in (self.start, self.start + len(self.crops)))
        inside = samples[max(0, first) : max(0, last)]
        before = min(max(0, -first), last - first)
        return np.pad(inside, (before, last - first - before - len(inside)))


def _cut_shots(
    path: Path,
    samples: int,
    criteria: Criteria,
    finder: FaceFinder,
    progress: Callable[[int, int], None] | None,
) -> Iterator[_Shot]:
    """Yield every usable stretch of a video with `samples` at 16 kHz; raises InputError if there is none."""
    clip = square_pixels(FileClip(path))
    found = survey(clip, finder, progress)
    track = choose(found)
    timeline = fit(clip.times, clip.duration, samples / SPEECH_RATE, "cut_off", Fraction(FPS))
    matrices = smooth_matrices(track.points, clip.times, criteria.resolution, track.cuts)
    usable = _find_usable(track, matrices, criteria)
    stretches = list(_find_stretches(usable[timeline.source], timeline, track.cuts))
    if not stretches:
        raise InputError(_explain(track, matrices, criteria))
    for start, stop in stretches:
        sources = timeline.source[start:stop]
        frames = zip(clip.read(sources.tolist()), matrices[sources], strict=True)
        crops = [np.rint(crop_face(f, m, criteria.resolution)).astype(np.uint8) for f, m in frames]
        yield _Shot(np.stack(crops), start, len(timeline))


def _find_usable(track: FaceTrack, matrices: FloatArray, criteria: Criteria) -> npt.NDArray[np.bool_]:
    """Find the frames whose face is there, large enough and not turned away, (N,)."""
    turn = np.nan_to_num(track.turn)
    return np.asarray(
        ~np.isnan(matrices[:, 0, 0])
        & (_measure_sizes(matrices) >= criteria.least_size)
        & (turn <= criteria.most_turn)
    )


def _measure_sizes(matrices: FloatArray) -> FloatArray:
    """Measure face widths in the video, as a fraction of the width in the crop; 0 where there is no face."""
    return np.nan_to_num(1 / np.hypot(matrices[:, 0, 0], matrices[:, 1, 0]))


def _find_stretches(
    usable: npt.NDArray[np.bool_], timeline: Timeline, cuts: tuple[int, ...]
) -> Iterator[tuple[int, int]]:
    """Yield first and last + 1 frames of parts within one scene, of 48..150 frames; longer ones are divided."""
    scenes = np.searchsorted(np.asarray(cuts, int), timeline.source, side="right")
    labels = np.where(usable, scenes, -1)
    edges = [0, *(np.flatnonzero(np.diff(labels)) + 1).tolist(), len(labels)]
    for start, stop in pairwise(edges):
        if labels[start] >= 0 and stop - start >= LEAST_FRAMES:
            parts = -(-(stop - start) // MOST_FRAMES)  # rounded up
            yield from pairwise(np.linspace(start, stop, parts + 1).round().astype(int).tolist())


def _explain(track: FaceTrack, matrices: FloatArray, criteria: Criteria) -> str:
    size = float(np.median(_measure_sizes(matrices)[track.found]))
    if size < criteria.least_size:
        return (
            f"The face is {size:.2f} times as wide as in a crop of {criteria.resolution} px; at least "
            f"{criteria.least_size:g} times is needed."
        )
    return (
        f"No stretch of {LEAST_FRAMES / FPS:.1f} s shows the face without a cut: it was found in "
        f"{track.found.sum()} of {len(track)} frames, with {len(track.cuts)} cuts, and is turned by "
        f"{np.nanmedian(track.turn):.0f} degrees (at most {criteria.most_turn:g} is allowed)."
    )
