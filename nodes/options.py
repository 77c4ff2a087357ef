"""LatentSync Options."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from comfy_api.latest import io

from ..latentsync_core.options import (
    PRESETS,
    LengthMode,
    MissingFacePolicy,
    Options,
    Sampler,
    SilencePolicy,
    choices_of,
)
from . import sockets
from .bridge.media import entry

AS_PRESET = "preset"
COLOR_MATCH = {AS_PRESET: None, "on": True, "off": False}
_SEED = 1247


class LipSyncOptions(io.ComfyNode):
    """A preset, and what is to differ from it."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LatentSyncOptions",
            display_name="LatentSync Options",
            category=sockets.CATEGORY,
            description="How a lip-sync is made. Everything that is left as it is follows the preset.",
            search_aliases=["lip sync settings", "lipsync options", "lips expression", "inference steps"],
            inputs=[*_usual(), *_advanced()],
            outputs=[sockets.Options.Output("options", tooltip="For the LatentSync Lip Sync nodes.")],
        )

    @classmethod
    def execute(cls, preset: str, seed: int = _SEED, **changes: Any) -> io.NodeOutput:
        return io.NodeOutput(options_of(preset, seed, **changes))


def options_of(preset: str, seed: int, color_match: str = AS_PRESET, fps: float = 0, **rest: Any) -> Options:
    """The preset with the widgets that were changed; Options raises OptionError on values out of range."""
    # Numbers start at 0, or at -1 where 0 means something.
    unset: dict[str, Any] = {"steps": 0, "guidance": 0, "reuse": 0}
    unset |= {"overlap": -1, "feather": -1, "max_turn": -1}
    changed = {name: value for name, value in rest.items() if value != unset.get(name, AS_PRESET)}
    if (match := COLOR_MATCH[entry("color_match", color_match, COLOR_MATCH)]) is not None:
        changed["color_match"] = match
    if fps != 0:
        changed["fps"] = Fraction(round(fps * 1000), 1000)
    return Options.preset(preset, seed=seed, **changed)


def _usual() -> list[io.Input]:
    return [
        io.Combo.Input(
            "preset",
            options=[*sorted(PRESETS, key="balanced quality draft exact".split().index)],
            default="balanced",
            tooltip="balanced: 20 steps. quality: 30 steps, more overlap. draft: 8 steps of a faster sampler, for a "
            "first look. exact: the original's own way, for comparison, at 25 fps.",
        ),
        io.Int.Input(
            "seed",
            default=_SEED,
            min=0,
            max=2**63 - 1,
            control_after_generate=io.ControlAfterGenerate.fixed,
            tooltip="Seed of the noise. Another seed is another mouth, rarely a better one.",
        ),
        io.Int.Input(
            "steps",
            default=0,
            min=0,
            max=500,
            tooltip="Denoising steps per window; 0 as the preset. Time grows with it; above 30 little changes.",
        ),
        io.Float.Input(
            "guidance",
            default=0.0,
            min=0.0,
            max=10.0,
            step=0.1,
            round=0.01,
            tooltip="How strongly the speech moves the lips, 1 to 10; 0 as the preset (1.5). More opens the mouth "
            "further and, above about 2, distorts it; 1 takes half the time.",
        ),
        io.Combo.Input(
            "length",
            options=[AS_PRESET, *choices_of(LengthMode)],
            default=AS_PRESET,
            tooltip="When video and speech differ in length. silence (usual): keep every frame, cut longer speech. "
            "cut_off: end with the shorter. As long as the speech: loop starts the video again, bounce plays it back "
            "and forth, remap changes its speed.",
        ),
        io.Combo.Input(
            "silence",
            options=[AS_PRESET, *choices_of(SilencePolicy)],
            default=AS_PRESET,
            tooltip="While nobody speaks: model (usual) closes the mouth, keep leaves the source's mouth.",
        ),
        io.Combo.Input(
            "missing_face",
            options=[AS_PRESET, *choices_of(MissingFacePolicy)],
            default=AS_PRESET,
            tooltip="Frames without the face: keep (usual) passes them through unchanged, error stops the run.",
        ),
    ]


def _advanced() -> list[io.Input]:
    return [
        io.Combo.Input(
            "sampler",
            options=[AS_PRESET, *choices_of(Sampler)],
            default=AS_PRESET,
            advanced=True,
            tooltip="ddim is what the checkpoints were published with; dpm++ needs about half the steps.",
        ),
        io.Int.Input(
            "reuse",
            default=0,
            min=0,
            max=10,
            advanced=True,
            tooltip="Run the whole network only every n-th step (DeepCache); 0 as the preset, 1 is off. 2 nearly "
            "halves the time and softens detail.",
        ),
        io.Int.Input(
            "overlap",
            default=-1,
            min=-1,
            max=8,
            advanced=True,
            tooltip="Frames that neighbouring windows share and cross-fade; -1 as the preset. More is smoother and "
            "slower.",
        ),
        io.Float.Input(
            "feather",
            default=-1.0,
            min=-1.0,
            max=0.5,
            step=0.01,
            round=0.001,
            advanced=True,
            tooltip="Width of the soft edge of the blend, as a share of the face crop; -1 as the preset (0.06).",
        ),
        io.Combo.Input(
            "color_match",
            options=list(COLOR_MATCH),
            default=AS_PRESET,
            advanced=True,
            tooltip="Shift the colours of the new mouth to those around it.",
        ),
        io.Float.Input(
            "max_turn",
            default=-1.0,
            min=-1.0,
            max=10.0,
            step=0.05,
            round=0.001,
            advanced=True,
            tooltip="Heads turned further keep the source's mouth; 0 frontal, 0.5 about 45 degrees; -1 as the preset "
            "(0.75).",
        ),
        io.Float.Input(
            "fps",
            default=0.0,
            min=0.0,
            max=240.0,
            step=0.01,
            round=0.001,
            advanced=True,
            tooltip="Frame rate of the result; 0 as the preset: the source's own times (exact: 25).",
        ),
    ]
