"""What a lip-sync will do, in one paragraph, before anything is denoised."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from .data import Clip, FaceTrack, Plan, SpeakerChoice, pluralize
from .diffusion import LEAST_WINDOWS, are_photographed, measure_pace
from .faces import measure_heights
from .media.lengths import WORTH_SAYING
from .models.bundle import LipSyncModels
from .options import Options
from .plan import RESYNC, SILENT, LinePlan
from .timeleft import format_duration
from .weights import find_checkpoint, load_vae

DRAWN_CHECKPOINT = "nano"
"""Its VAE tells drawn faces from photographed ones."""


@dataclass(frozen=True)
class Estimate:
    """How long the networks will take."""

    seconds: float
    steps: int
    """How many denoising steps were measured for it."""


@dataclass(frozen=True)
class Preflight:
    """What is known of a lip-sync before it begins."""

    speaker: SpeakerChoice | None
    """None where the caller gave the face."""
    smallest_face: float
    """Height of the smallest face that is re-synced in pixels; see `faces.measure_heights`."""
    greatest_turn: float
    """Of the head in degrees; see `FaceTrack.turn`."""
    photographed: bool | None
    """Whether the face has the texture of a photograph, and not of a drawing; None where none is re-synced."""
    why: dict[str, int]
    """How many frames have which of `Plan.reasons`."""
    bridged: int
    """Re-synced frames in which the face was not found and its place is held."""
    silent: int
    """Frames without speech."""
    longer: float
    """Seconds by which the speech lasts longer than the video; below 0 where it is shorter."""
    windows: int
    steps: int
    """Of every window."""
    estimate: Estimate | None
    """None where nothing was measured."""

    @property
    def frames(self) -> int:
        """All frames of the result."""
        return sum(self.why.values())

    def to_json(self) -> dict[str, Any]:
        """Return everything, ready for JSON."""
        speaker = self.speaker and self.speaker.to_json()
        return asdict(self) | {"speaker": speaker, "frames": self.frames, "text": str(self)}

    def __str__(self) -> str:
        """One paragraph for people; where scenes have several speakers, a line for each scene below it."""
        paragraph = " ".join(self._sentences())
        several = self.speaker is not None and len(self.speaker.scenes) > 1
        return f"{paragraph}\n{self.speaker}" if several else paragraph

    def _sentences(self) -> Iterator[str]:
        if self.speaker is not None:
            yield _describe_speaker(self.speaker)
        texture = {True: ", photographed by its texture", False: ", drawn by its texture", None: ""}[
            self.photographed
        ]
        size, turn = f"{self.smallest_face:.0f} px", f"{self.greatest_turn:.0f} degrees"
        yield f"Face: at least {size} high, turned by up to {turn}{texture}."
        yield self._describe_frames()
        if self.silent == self.frames:
            yield "The whole speech is silent: check the audio."
        elif self.silent != self.why.get(SILENT, 0):
            yield f"{pluralize(self.silent, 'frame')} without speech."
        if abs(self.longer) > WORTH_SAYING:
            than = "longer" if self.longer > 0 else "shorter"
            yield f"The speech is {abs(self.longer):.2f} s {than} than the video."
        yield self._describe_work()

    def _describe_frames(self) -> str:
        changed = self.why.get(RESYNC, 0)
        text = f"{changed} of {pluralize(self.frames, 'frame')} get a new mouth"
        if self.bridged:
            text += f", {self.bridged} of them where the face was not found and its place is held"
        kept = [f"{count} {reason}" for reason, count in self.why.items() if reason != RESYNC]
        return f"{text}, the others keep theirs: {', '.join(kept)}." if kept else f"{text}."

    def _describe_work(self) -> str:
        text = f"{pluralize(self.windows, 'window')} of {pluralize(self.steps, 'step')}"
        if self.estimate is None:
            return f"{text} to denoise."
        return (
            f"{text} take the networks about {format_duration(self.estimate.seconds)}, an estimate from "
            f"{pluralize(self.estimate.steps, 'measured step')}."
        )


def _describe_speaker(choice: SpeakerChoice) -> str:
    head = f"Speaker, of {pluralize(choice.found, 'person')} found:"
    if len(choice.scenes) == 1:
        return f"{head} {choice.scenes[0].reason}{f' ({choice.note})' if choice.note else ''}."
    speakers = Counter("+".join(map(str, scene.persons)) for scene in choice.scenes)
    parts = [
        f"{f'person {who}' if who else 'nobody'} in {pluralize(count, 'scene')}"
        for who, count in speakers.most_common()
    ]
    return f"{head} {', '.join(parts)}."


def inspect_line(clip: Clip, line: LinePlan, models: LipSyncModels | None = None) -> Preflight:
    """Gather what is known of a planned line before it is rendered.

    A few frames of the clip are read and put through a small VAE. models: their pace is measured, where that takes
    little of the whole run; None measures nothing.
    """
    track, plan, options = line.track, line.plan, line.options
    changed = np.array(plan.reasons) == RESYNC
    heights = measure_heights(track.points)[plan.source]
    shown = heights[changed & ~np.isnan(heights)]
    return Preflight(
        speaker=track.choice,
        smallest_face=round(float(shown.min()), 1) if len(shown) else 0.0,
        greatest_turn=round(track.greatest_turn, 1),
        photographed=_is_photographed(clip, track, plan),
        why=dict(Counter(plan.reasons).most_common()),
        bridged=int((changed & ~track.found[plan.source]).sum()),
        silent=int((~plan.speaks).sum()),
        longer=round(plan.speech_duration - plan.speech_start - clip.duration, 3),
        windows=len(plan.windows),
        steps=options.steps,
        estimate=_estimate(plan, options, models),
    )


def _is_photographed(clip: Clip, track: FaceTrack, plan: Plan) -> bool | None:
    checkpoint = find_checkpoint(DRAWN_CHECKPOINT)
    assert checkpoint.resolution is not None
    vae = load_vae(checkpoint.vae).float()  # its file is float16, which is slow on a CPU
    return are_photographed(clip, track, plan, vae, checkpoint.resolution)


def _estimate(plan: Plan, options: Options, models: LipSyncModels | None) -> Estimate | None:
    if models is None or len(plan.windows) < LEAST_WINDOWS:
        return None
    pace = measure_pace(models, options)
    return Estimate(round(pace.estimate(plan, options), 1), pace.steps)
