"""Plan a dub of many lines: one survey, and for each line whose mouth says what in which frames."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..data import Clip, Line, Plan, Progress
from ..dub import fit_line
from ..errors import CueError, LatentSyncError
from ..faces import Survey
from ..media import fit
from ..media.timeline import Timeline
from ..method import method_of
from ..models.bundle import LipSyncModels
from ..options import Options
from ..plan import FADE_SECONDS, MAX_DENOISED_FPS, DubPlan, LinePlan, build_plan
from ..speakers import find_faces
from ..speech import detect_speech
from .cast import Cast
from .parts import Part, open_part, refuse_exact
from .planning import PLAIN_RESOLUTION, PLAIN_WINDOW


def plan_dub(
    clip: Clip,
    lines: Sequence[Line],
    options: Options | None = None,
    found: Survey | None = None,
    *,
    models: LipSyncModels | None = None,
    progress: Progress | None = None,
    work: Path | None = None,
) -> DubPlan:
    """Plan a film and its lines; nothing is denoised, and every frame without a line stays the film's own.

    Where two lines fall on one person's mouth, the later one has it from its start on. options: for all lines, which
    may replace values by `Line.options`; the film keeps its length whatever they say. found: of `find_faces`; None
    looks for them. models, progress, work: as of `lip_sync`. What is wrong with a line is in `DubPlan.problems`, and
    the others are planned. Raises OptionError for `exact`, and what `find_faces` raises.
    """
    options = options or Options()
    refuse_exact(options)
    device = str(models.device) if models else "cpu"
    if found is None:
        found = find_faces(clip, device=device, progress=progress, work=work)
    film = fit(clip.times, clip.duration, clip.duration, "silence", options.fps)
    resolution = models.alignment if models else PLAIN_RESOLUTION
    cast = Cast(clip, found, resolution, device, progress)
    planner = _Planner(clip, film, models.window_frames if models else PLAIN_WINDOW)
    problems: list[CueError] = []
    parts: list[Part] = []
    heard: list[Line] = []
    notes: list[str] = []
    for line in lines:
        with _collecting(problems, line):
            fitted, note = fit_line(line)
            heard.append(fitted)
            notes += [f"line {line.name}: {note}"] if note else []
            if line.strength > 0:
                parts.append(open_part(clip, film, fitted, options, cast))
    parts.sort(key=lambda part: part.first)
    made: list[LinePlan] = []
    for index, part in enumerate(parts):
        with _collecting(problems, part.line):
            made += planner.plan(part, parts[index + 1 :])
    return DubPlan(
        clip,
        options.fps or clip.fps,
        film.source,
        film.times,
        film.duration,
        tuple(sorted(made, key=lambda line: line.first)),
        resolution,
        planner.window_frames,
        tuple(heard),
        tuple(notes),
        tuple(problems),
    )


@contextmanager
def _collecting(problems: list[CueError], line: Line) -> Iterator[None]:
    """Add what is wrong with a line to the problems, so that it keeps no other line from being planned."""
    try:
        yield
    except LatentSyncError as exc:
        problems.append(CueError(str(exc), name=line.name))


@dataclass(frozen=True, eq=False)
class _Planner:
    """Plans the lines of a film one by one."""

    clip: Clip
    film: Timeline
    window_frames: int

    @property
    def _rate(self) -> float:
        return len(self.film) / self.film.duration

    def plan(self, part: Part, later: Sequence[Part]) -> Iterator[LinePlan]:
        """Yield the plan of a line; nothing where later ones, which begin after it, have all of its frames."""
        asked = self._ask_frames(part, later)
        if not asked.any():
            return
        # Around a line lie the frames that fill its windows: a window of them on either side.
        reach = self.window_frames * math.ceil(self._rate / MAX_DENOISED_FPS)
        first, last = np.flatnonzero(asked)[[0, -1]].tolist()
        first, last = max(0, first - reach), min(len(self.film), last + 1 + reach)
        plan = self._build(part, first, last, asked[first:last])
        matrices = part.member.matrices[plan.source]
        yield LinePlan(
            first, plan, part.member.track, matrices, part.samples, part.options, part.protect, part.line.name
        )

    def _ask_frames(self, part: Part, later: Sequence[Part]) -> npt.NDArray[np.bool_]:
        """Return which frames of the film the line changes, (M,): those that no later line has on the same mouth."""
        asked = np.zeros(len(self.film), bool)
        asked[part.first : part.last] = True
        # Below the beginning of a later line the earlier mouth goes on until the new one has faded in, and a little
        # longer, as it fades out itself: else the film's own lips would show through both.
        fade = math.ceil(FADE_SECONDS * self._rate)
        for other in later:
            if other.first > part.last + fade:
                break
            under = min(other.first + 2 * fade, other.last)
            same = self._is_same_mouth(part, other)
            if other.first - fade <= part.last < under:
                asked[part.last : under] = same[0]
            asked[under : other.last] &= ~same[under - other.first :]
        return asked

    def _is_same_mouth(self, part: Part, other: Part) -> npt.NDArray[np.bool_]:
        """Tell in which frames of the other line both have the same face."""
        shown = self.film.source[other.first : other.last]
        return np.asarray((part.member.held.points[shown] == other.member.held.points[shown]).all((1, 2)))

    def _build(
        self,
        part: Part,
        first: int,
        last: int,
        asked: npt.NDArray[np.bool_],
    ) -> Plan:
        """Plan frames first..last - 1 of the film, of which `asked` may change."""
        times = np.append(self.film.times, self.film.duration)[first : last + 1] - self.film.times[first]
        timeline = Timeline(self.film.source[first:last], times[:-1], float(times[-1]))
        start = float(self.film.times[first]) - part.line.start
        method, member = method_of(part.options), part.member
        plan = build_plan(
            self.clip,
            timeline,
            member.held,
            ~np.isnan(member.matrices[:, 0, 0]),
            detect_speech(part.samples, timeline.times + start),
            part.seconds,
            part.options,
            self.window_frames,
            method.layout,
            asked,
        )
        strength = plan.strength * np.float32(part.line.strength)
        return replace(plan, speech_start=start, strength=strength, notes=())
