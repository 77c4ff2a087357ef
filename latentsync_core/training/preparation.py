"""Videos of people who speak -> aligned faces and their sound, in the layout that training reads."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch.nn.functional as F

from ..data import FaceTrack, FloatArray
from ..errors import InputError, LatentSyncError
from ..faces import FaceFinder, choose, crop_face, smooth_matrices, survey
from ..media import FileClip, Timeline, fit, read_audio, to_mono_16k
from ..metrics.sync import FRAMES, MAX_OFFSET, sync_curve
from ..models.syncnet import StableSyncNet
from .data import save
from .footage import FPS, REPORT, crops_path, read_report, sound_path
from .vae import to_pixels
from .voices import SAMPLE_RATE

log = logging.getLogger(__name__)

VIDEOS = {".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi"}
LEAST_FRAMES = 48
"""Three windows, as upstream: there is always a reference window away from the one to be painted."""
MOST_FRAMES = 150
"""Longer shots are cut into several clips, of which each is read into memory when it is made."""


@dataclass(frozen=True)
class Wanted:
    """Which footage is good enough."""

    resolution: int = 256
    least_size: float = 0.5
    """Least width of a face in the video, as a share of its width in the crop."""
    most_turn: float = 0.75
    """Frames with the head turned further are left out; see `FaceTrack.turn`."""
    most_offset: int = 2
    """Frames by which sound and mouth may be apart, 0..15, where a SyncNet measures it."""


@dataclass(frozen=True)
class Verdict:
    """What became of one file."""

    file: str
    """Its path inside the folder."""
    clips: tuple[str, ...]
    """Names of the clips that were made of it."""
    dropped: tuple[str, ...]
    """Why the file, or a part of it, was left out."""


def prepare(
    folder: Path, out: Path, wanted: Wanted, syncnet: StableSyncNet | None = None
) -> Iterator[Verdict]:
    """Yield a verdict on every video in a folder and its subfolders, and write clips and `report.json` to `out`.

    A file that cannot be used is dropped with its reason and the next one follows; files that the report names
    are not looked at again. Raises InputError if `folder` has no videos or `out` holds crops of another size.
    """
    videos = sorted(path for path in folder.rglob("*") if path.suffix.lower() in VIDEOS)
    if not videos:
        raise InputError(f"{folder} has no videos ({', '.join(sorted(VIDEOS))}).")
    report = _begun(out, wanted)
    finder = FaceFinder()
    for path in videos:
        name = path.relative_to(folder).as_posix()
        if name not in report["files"]:
            verdict = _prepared(path, name, out, wanted, syncnet, _next_number(report), finder)
            report["files"][name] = {"clips": verdict.clips, "dropped": verdict.dropped}
            _write(out, report)
            yield verdict


def _begun(out: Path, wanted: Wanted) -> dict[str, Any]:
    if not (out / REPORT).exists():
        return {"resolution": wanted.resolution, "files": {}}
    report = read_report(out)
    if report["resolution"] != wanted.resolution:
        raise InputError(
            f"{out} holds crops of {report['resolution']} px, not {wanted.resolution}; give another folder."
        )
    return report


def _next_number(report: dict[str, Any]) -> int:
    return sum(len(entry["clips"]) for entry in report["files"].values())


def _write(out: Path, report: dict[str, Any]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    part = out / f"{REPORT}.part"
    part.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    os.replace(part, out / REPORT)


def _prepared(
    path: Path,
    name: str,
    out: Path,
    wanted: Wanted,
    syncnet: StableSyncNet | None,
    number: int,
    finder: FaceFinder,
) -> Verdict:
    clips: list[str] = []
    dropped: list[str] = []
    try:
        for crops, samples, where in _clips(path, wanted, finder):
            if reason := _out_of_sync(crops, samples, wanted, syncnet):
                dropped.append(f"{where}: {reason}")
                continue
            clip = f"{number + len(clips):05d}"
            save(crops_path(out, clip), crops)
            save(sound_path(out, clip), np.rint(samples * 32767).astype(np.int16))
            clips.append(clip)
    except (LatentSyncError, OSError) as exc:
        dropped.append(str(exc))
    log.info("%s: %d clips. %s", name, len(clips), " ".join(dropped))
    return Verdict(name, tuple(clips), tuple(dropped))


def _clips(
    path: Path, wanted: Wanted, finder: FaceFinder
) -> Iterator[tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32], str]]:
    """Crops (F, R, R, 3), samples (n,) at 16 kHz and the place of every stretch that can be used."""
    clip = FileClip(path)
    samples = to_mono_16k(read_audio(path))
    found = survey(clip, finder)
    track = choose(found)
    timeline = fit(clip.times, clip.duration, len(samples) / SAMPLE_RATE, "cut_off", Fraction(FPS))
    matrices = smooth_matrices(track.points, clip.times, wanted.resolution, track.cuts)
    usable = _usable(track, matrices, wanted)
    stretches = list(_stretches(usable[timeline.source], timeline, track.cuts))
    if not stretches:
        raise InputError(_why_not(track, matrices, wanted))
    for start, stop in stretches:
        sources = timeline.source[start:stop]
        frames = zip(clip.read(sources.tolist()), matrices[sources], strict=True)
        crops = [np.rint(crop_face(f, m, wanted.resolution)).astype(np.uint8) for f, m in frames]
        first, last = (k * SAMPLE_RATE // FPS for k in (start, stop))
        part = np.pad(samples[first:last], (0, max(0, last - len(samples))))
        yield np.stack(crops), part, f"{start / FPS:.1f}-{stop / FPS:.1f} s"


def _usable(track: FaceTrack, matrices: FloatArray, wanted: Wanted) -> npt.NDArray[np.bool_]:
    """The frames whose face is there, large enough and not turned away, (N,)."""
    turn = np.nan_to_num(track.turn)
    return np.asarray(
        ~np.isnan(matrices[:, 0, 0]) & (_sizes(matrices) >= wanted.least_size) & (turn <= wanted.most_turn)
    )


def _sizes(matrices: FloatArray) -> FloatArray:
    """How wide faces are in the video, as a share of their width in the crop; 0 where there is none."""
    return np.nan_to_num(1 / np.hypot(matrices[:, 0, 0], matrices[:, 1, 0]))


def _stretches(
    usable: npt.NDArray[np.bool_], timeline: Timeline, cuts: tuple[int, ...]
) -> Iterator[tuple[int, int]]:
    """First and last + 1 frames of parts within one scene, of 48..150 frames."""
    scenes = np.searchsorted(np.asarray(cuts, int), timeline.source, side="right")
    labels = np.where(usable, scenes, -1)
    edges = [0, *(np.flatnonzero(np.diff(labels)) + 1).tolist(), len(labels)]
    for start, stop in pairwise(edges):
        if labels[start] < 0:
            continue
        for first in range(start, stop, MOST_FRAMES):
            if min(stop, first + MOST_FRAMES) - first >= LEAST_FRAMES:
                yield first, min(stop, first + MOST_FRAMES)


def _why_not(track: FaceTrack, matrices: FloatArray, wanted: Wanted) -> str:
    size = float(np.median(_sizes(matrices)[track.found]))
    if size < wanted.least_size:
        return (
            f"The face is {size:.2f} times as wide as in a crop of {wanted.resolution} px; at least "
            f"{wanted.least_size:g} times is wanted."
        )
    return (
        f"No stretch of {LEAST_FRAMES / FPS:.1f} s shows the face without a cut: it was found in "
        f"{track.found.sum()} of {len(track)} frames, with {len(track.cuts)} cuts, and is turned by "
        f"{np.nanmedian(track.turn):.2f} (at most {wanted.most_turn:g} is wanted)."
    )


def _out_of_sync(
    crops: npt.NDArray[np.uint8],
    samples: npt.NDArray[np.float32],
    wanted: Wanted,
    syncnet: StableSyncNet | None,
) -> str | None:
    if syncnet is None:
        return None
    reach = min(MAX_OFFSET, (len(crops) - FRAMES) // 2)
    pixels = to_pixels(crops)
    if pixels.shape[-1] != syncnet.resolution:
        pixels = F.interpolate(pixels, (syncnet.resolution,) * 2, mode="bicubic", antialias=True)
    curve = sync_curve(syncnet, pixels, samples, reach=reach)
    if abs(curve.offset) <= wanted.most_offset:
        return None
    return f"the sound is {curve.offset:+d} frames off (confidence {curve.confidence:.2f})"
