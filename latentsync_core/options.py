"""The options of a lip-sync: one frozen dataclass and its presets."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from fractions import Fraction
from numbers import Integral, Rational, Real
from typing import Any, Literal, get_args

from .angles import turn_of_offset
from .errors import OptionError

LengthMode = Literal["longest", "cut_off", "loop", "bounce", "silence", "remap"]
Sampler = Literal["ddim", "dpm++", "unipc"]
SilencePolicy = Literal["model", "keep", "closed"]
MissingFacePolicy = Literal["keep", "error", "hold"]
CoveredPolicy = Literal["keep", "ignore"]

FORMER_MOST_TURN = 10
"""`max_turn` was the nose's offset in brow distances, 0..10, before it was in degrees."""


@dataclass(frozen=True)
class Options:
    """Everything that changes the result, apart from the clip, the speech and the checkpoint."""

    steps: int = 8
    """Denoising steps per window, 1..500; with more, the published schedule would not start at full noise."""
    guidance: float = 1.5
    """Scale of classifier-free guidance by the speech, 1..10. 1 turns it off and halves the time; more moves the lips
    further and, beyond about 2, distorts them."""
    guided: float = 1.0
    """Share of the steps that guidance is used in, 0..1, counted from the last one; others take half the time."""
    seed: int = 1247
    """Seed of the one noise frame, 0..2**63-1. The default is upstream's."""
    sampler: Sampler = "dpm++"
    """`ddim` is the sampler that the checkpoints were published with; `dpm++` and `unipc` need about half the steps."""
    reuse: int = 3
    """Run the whole UNet every `reuse`-th step and only its last layer in between, 1..10; 1 is off. 3 is the DeepCache
    of upstream's script (`cache_interval=3, cache_branch_id=0`)."""
    overlap: int = 2
    """Frames that neighbouring windows share and cross-fade, 0..8."""
    length: LengthMode = "longest"
    """What to do where the video and the speech differ in length, see `media.timeline`."""
    fps: Fraction | None = None
    """Frame rate of the result; None keeps the times of the clip's own frames."""
    silence: SilencePolicy = "model"
    """In the pauses of the speech, `model` lets the network hear them, `keep` keeps the mouth of the source, and
    `closed` lets the mouth rest, whatever noise there is: the network hears nothing."""
    missing_face: MissingFacePolicy = "keep"
    """A frame without the face passes through unchanged (`keep`), or the run stops (`error`), or the mouth is pasted at
    the place between the frames around it, through gaps of up to 1 s within a scene (`hold`)."""
    max_turn: float = 69.0
    """Heads turned sideways further than this keep the mouth of the source, 15..180 degrees; the new mouth fades over
    the 10 degrees before. 180 is never. See `FaceTrack.turn`."""
    feather: float = 0.06
    """Width of the soft edge of the blend mask, 0..0.5 of the crop's side."""
    color_match: bool = True
    """Bring the colours of the generated mouth to those of the source, by what skin shows that speech does not move."""
    covered: CoveredPolicy = "keep"
    """Where something else hides the mouth, keep the mouth of the source (`keep`) or paint over both (`ignore`)."""
    exact: bool = False
    """Do as upstream does, for comparison: rounded landmarks, causal smoothing, crops truncated to 8 bit,
    sampled VAE latents, speech at its own loudness, Whisper windows without overlap, the whole crop pasted back."""
    grain: bool = True
    """Draw the source's grain over the generated mouth, as strong as it is around it; clean footage gets none."""

    def __post_init__(self) -> None:
        for name, low, high in _RANGES:
            value, kind = getattr(self, name), Integral if isinstance(low, int) else Real
            if isinstance(value, bool) or not isinstance(value, kind) or not low <= value <= high:
                whole = "a whole number in " if kind is Integral else ""
                raise OptionError(f"{name} takes {whole}{low}..{high}, got {value!r}.{_hint(name, value)}")
        for name in ("color_match", "exact", "grain"):
            if not isinstance(getattr(self, name), bool):
                raise OptionError(f"{name} takes True or False, got {getattr(self, name)!r}.")
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise OptionError(f"{name} takes {', '.join(choices)}, got {getattr(self, name)!r}.")
        if self.fps is not None and not (isinstance(self.fps, Rational) and 1 <= self.fps <= 1000):
            raise OptionError(
                f"fps takes a whole number or a Fraction in 1..1000, or None, got {self.fps!r}."
            )

    @classmethod
    def preset(cls, name: str, **overrides: Any) -> Options:
        """Return a preset, with single values replaced: `Options.preset("draft", seed=7)`. Raises OptionError."""
        if name not in PRESETS:
            raise OptionError(f"preset takes {', '.join(PRESETS)}, got {name!r}.")
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(overrides) - known):
            raise OptionError(f"Options has no {', '.join(unknown)}; it has {', '.join(sorted(known))}.")
        return replace(PRESETS[name], **overrides)

    @property
    def unguided_steps(self) -> int:
        """How many steps run before those that guidance is used in."""
        return round(self.steps * (1 - self.guided)) if self.guidance > 1 else self.steps


def _hint(name: str, value: Any) -> str:
    """Return what a value meant before its unit changed, as a further sentence; empty for all others."""
    if name != "max_turn" or not isinstance(value, Real) or not 0 <= float(value) <= FORMER_MOST_TURN:
        return ""
    return f" It is in degrees now: {value:g} as it was before is {former_max_turn(float(value)):g} degrees."


def former_max_turn(offset: float) -> float:
    """Return `max_turn` in whole degrees for a value from before it was in degrees, 0..10; 10 was never."""
    return 180.0 if offset >= FORMER_MOST_TURN else max(15.0, float(round(float(turn_of_offset(offset)))))


def choices_of(kind: Any) -> tuple[str, ...]:
    """Return the values that a Literal type of this module takes."""
    return get_args(kind)


_RANGES: tuple[tuple[str, Any, Any], ...] = (
    ("steps", 1, 500),
    ("guidance", 1.0, 10.0),
    ("guided", 0.0, 1.0),
    ("seed", 0, 2**63 - 1),
    ("reuse", 1, 10),
    ("overlap", 0, 8),
    ("max_turn", 15.0, 180.0),
    ("feather", 0.0, 0.5),
)
_CHOICES: dict[str, tuple[str, ...]] = {
    "sampler": get_args(Sampler),
    "length": get_args(LengthMode),
    "silence": get_args(SilencePolicy),
    "missing_face": get_args(MissingFacePolicy),
    "covered": get_args(CoveredPolicy),
}

PRESETS: dict[str, Options] = {
    "exact": Options(
        steps=20,
        sampler="ddim",
        reuse=1,
        overlap=0,
        length="bounce",
        fps=Fraction(25),
        max_turn=180.0,
        missing_face="error",
        covered="ignore",
        exact=True,
    ),
    "quality": Options(steps=20, sampler="ddim", reuse=3, overlap=4),
    "balanced": Options(steps=8, sampler="dpm++", reuse=3, overlap=2),
    "draft": Options(steps=6, guided=0.5, sampler="dpm++", reuse=3, overlap=2),
}
"""`exact` reproduces upstream for clips of 25 frames a second (others it re-encodes first, by ffmpeg's rule), without
the DeepCache that its script and web page turn on: `Options.preset("exact", reuse=3)` has it too; the others do less
work for nearly the same picture, see docs/performance.md; `draft` is for a first look."""
