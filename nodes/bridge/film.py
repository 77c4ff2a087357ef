"""Dub a film inside ComfyUI: lines planned and rendered, their audio laid on the film's, and the result handed over."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from comfy_api.latest import InputImpl, Types, io
from comfy_execution.graph_utils import ExecutionBlocker

from ...latentsync_core.data import Line, Waveform, own_audio_of, pluralize
from ...latentsync_core.errors import InputError
from ...latentsync_core.options import Options
from ...latentsync_core.plan import DubPlan
from ...latentsync_core.timeleft import format_duration
from .devices import LoadedModel, explain_out_of_memory, load_best
from .media import Source, audio_of, fit_audio, open_given, video_of
from .progress import Reporter
from .run import HARD_FACE, Rendering, Tensors, collect, describe_model, open_rendering, warn_of_model
from .settings import Sound
from .show import make_player, show_report
from .temp import count_windows, keep_results

if TYPE_CHECKING:
    from ...latentsync_core import LipSyncModels

_NO_IMAGES = "Of a video, images and mask are given only with return_images on."


@dataclass(frozen=True, eq=False)
class Film:
    """What lines are laid on: a VIDEO, or IMAGE with its frame rate and its own AUDIO, if it has any."""

    video: Any
    images: torch.Tensor | None
    fps: float
    audio: Mapping[str, Any] | None

    def open(self) -> AbstractContextManager[Source]:
        """Give the film as a clip; raises InputError unless exactly one of video and images is connected."""
        return open_given(self.video, self.images, self.fps, own=self.audio)


def lay_lines(dub: DubPlan, sound: Sound) -> Waveform:
    """Return the film's own audio with that of the lines in it."""
    from ...latentsync_core.media import place_lines

    parts = place_lines(own_audio_of(dub.clip), dub.heard, sound.mode, duck_db=sound.duck_db)
    return Waveform(np.concatenate(list(parts.read()), axis=1), parts.rate)


@dataclass(frozen=True, eq=False)
class PlannedFilm:
    """A film and its lines, ready to be rendered, with the networks on their device."""

    source: Source
    dub: DubPlan
    models: LipSyncModels
    steps: int
    """Of a window."""
    reporter: Reporter
    work: Path
    """Folder of finished windows."""
    warnings: tuple[str, ...]
    kept: int
    """Windows that were finished before."""
    started: float = field(default_factory=time.monotonic)

    def report(self) -> str:
        """Return what was done with each line, for people; to be called when all is rendered."""
        dub, made = self.dub, count_windows(self.work) - self.kept
        changed = f"{dub.changed.sum()} of {pluralize(len(dub), 'frame')} get a new mouth"
        others = "; the others are from earlier runs" if made < dub.windows else ""
        return "\n".join(
            [
                *self.warnings,
                f"{changed}. {made} of {pluralize(dub.windows, 'window')} denoised{others}.",
                *map(str, dub.lines),
                *dub.notes,
                f"{describe_model(self.models)}; {format_duration(time.monotonic() - self.started)}",
            ]
        )


@contextmanager
def plan_film(
    film: Film, lines: Sequence[Line], options: Options, loaded: LoadedModel | None, node_id: str | None
) -> Iterator[PlannedFilm]:
    """Plan the lines and give what renders them; raises InputError with all that is wrong with any of them.

    loaded: None for the best checkpoint on disk.
    """
    from ...latentsync_core.pipeline import plan_dub

    reporter, loaded = Reporter(node_id, last="resync"), loaded or load_best()
    with (
        film.open() as source,
        explain_out_of_memory(),
        keep_results() as work,
        loaded.on_device() as models,
    ):
        dub = plan_dub(source.clip, lines, options, models=models, progress=reporter, work=work)
        reporter.note("\n".join([*map(str, dub.lines), *dub.notes]))
        if dub.problems:
            raise InputError("\n".join(map(str, dub.problems)))
        warnings = tuple(_find_warnings(dub, models, reporter))
        yield PlannedFilm(
            source, dub, models, options.steps, reporter, work, warnings, kept=count_windows(work)
        )


def _find_warnings(dub: DubPlan, models: LipSyncModels, reporter: Reporter) -> Iterator[str]:
    """Yield what is to be said of each person, once."""
    for line in {id(line.track): line for line in dub.lines}.values():
        if warning := warn_of_model(line, dub.clip, models, reporter):
            yield f"line {line.name}: {warning}"
        if line.track.hard_to_recognise:
            yield f"line {line.name}: {HARD_FACE}"


@dataclass(frozen=True, eq=False)
class Result:
    """A dubbed film: VIDEO, IMAGE and MASK (or what blocks them), AUDIO."""

    video: Any
    images: Any
    audio: Mapping[str, Any]
    mask: Any

    def output(self, report: str, node_id: str | None) -> io.NodeOutput:
        """Return the node's outputs, and show the report and a file's player."""
        is_file = isinstance(self.video, InputImpl.VideoFromFile)
        player = make_player(self.video.get_stream_source()) if is_file else None
        shown = show_report(report, node_id, player)
        return io.NodeOutput(self.video, self.images, self.audio, self.mask, report, ui=shown)


def dub_film(
    film: Film,
    lines: Sequence[Line],
    sound: Sound,
    options: Options,
    loaded: LoadedModel | None,
    return_images: bool,
    node_id: str | None,
) -> tuple[Result, str]:
    """Lay lines on a film and return the result and a report; raises as `plan_film`."""
    with plan_film(film, lines, options, loaded, node_id) as planned:
        audio = lay_lines(planned.dub, sound)
        with open_rendering(
            planned.dub, planned.models, planned.steps, planned.reporter, planned.work
        ) as rendering:
            result = hand_over(rendering, film, planned.source, audio, return_images)
        return result, planned.report()


def hand_over(
    rendering: Rendering, film: Film, source: Source, audio: Waveform, return_images: bool
) -> Result:
    """Compute all frames, and return them as what the film came as: tensors for tensors, a file for a file.

    return_images: give tensors of a file too.
    """
    dub = rendering.dub
    fitted = fit_audio(audio_of(audio), dub.duration, 1 / float(dub.fps))
    if film.images is not None:
        images, mask = collect(rendering, film.images)
        parts = Types.VideoComponents(images=images, audio=fitted, frame_rate=dub.fps)
        return Result(InputImpl.VideoFromComponents(parts), images, fitted, mask)
    made = Tensors(rendering, None) if return_images else None
    frames = made.fill() if made else rendering.frames
    video = video_of(frames, dub, like=source, audio=audio)
    blocked = ExecutionBlocker(_NO_IMAGES)
    return Result(video, made.images if made else blocked, fitted, made.mask if made else blocked)
