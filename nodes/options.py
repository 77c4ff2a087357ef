"""LatentSync Options."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from comfy_api.latest import io

from ..latentsync_core.options import (
    FORMER_MOST_TURN,
    PRESETS,
    CoveredPolicy,
    LengthMode,
    MissingFacePolicy,
    Options,
    Sampler,
    SilencePolicy,
    choices_of,
    former_max_turn,
)
from . import sockets
from .bridge.media import check_option, pick_option
from .bridge.show import show_report

_NTSC = {"23.976": Fraction(24000, 1001), "29.97": Fraction(30000, 1001), "59.94": Fraction(60000, 1001)}
_WHOLE = {str(rate): Fraction(rate) for rate in (12, 15, 16, 24, 25, 30, 48, 50, 60)}
_BY_RATE = sorted((rate, name) for name, rate in {**_NTSC, **_WHOLE}.items())

RATES: dict[str, Fraction | None] = {"source": None, **{name: rate for rate, name in _BY_RATE}}
"""The entries of `fps` and what they mean to Options."""


class LipSyncOptions(io.ComfyNode):
    """A preset with all its values, each of which can be changed."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LatentSyncOptions",
            display_name="LatentSync Options",
            category=sockets.CATEGORY,
            description="The settings of a lip-sync. Choosing a preset shows its values; the values shown are used, in "
            "place of the preset of the Lip Sync node. The seed stays that of the Lip Sync node.",
            search_aliases=["lip sync settings", "lipsync options", "lips expression", "inference steps"],
            inputs=[
                io.DynamicCombo.Input(
                    "preset",
                    options=[
                        io.DynamicCombo.Option(name, _build_widgets(PRESETS[name]))
                        for name in sockets.PRESETS
                    ],
                    tooltip="Where the values below start from; another preset sets all of them. "
                    + sockets.describe_presets(),
                )
            ],
            outputs=[
                sockets.Options.Output(
                    "options", tooltip="For the LatentSync Lip Sync nodes, whose own preset is then not used."
                )
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(cls, preset: dict[str, Any] | None = None) -> io.NodeOutput:
        options, note = _read_widgets(preset)
        return io.NodeOutput(options, ui=show_report(note, cls.hidden.unique_id) if note else None)


def _read_widgets(chosen: dict[str, Any] | None) -> tuple[Options, str]:
    """Return the options that the widgets of `preset` give, and what the report says of them; raises OptionError."""
    name, given = pick_option("preset", chosen, sockets.PRESETS)
    # ComfyUI gives None for an optional widget that a prompt from before it was there does not have.
    values = {key: value for key, value in given.items() if value is not None}
    turn, note = values.get("max_turn"), ""
    if turn is not None and 0 <= turn <= FORMER_MOST_TURN:  # a workflow from before it was in degrees
        values["max_turn"] = former_max_turn(turn)
        note = f"max_turn is in degrees now: {turn:g} as it was before is taken as {values['max_turn']:g} degrees."
    if "fps" in values:
        values["fps"] = RATES[check_option("fps", values["fps"], RATES)]
    return Options.preset(name, **values), note


def _build_widgets(preset: Options) -> list[io.Input]:
    """Return a widget for every value that matters to a preset, with the preset's value as its default."""
    return [
        *_build_usual(preset),
        *_build_advanced(preset),
        *([] if preset.exact else _build_blending(preset)),
        *_build_later(preset),
    ]


def _build_usual(preset: Options) -> list[io.Input]:
    return [
        io.Int.Input(
            "steps", default=preset.steps, min=1, max=500,
            tooltip="Denoising steps per window. Time grows with it; above 30 little changes.",
        ),
        io.Float.Input(
            "guidance", default=preset.guidance, min=1.0, max=10.0, step=0.1, round=0.01,
            tooltip="How strongly the speech moves the lips. More opens the mouth further and, above about 2, "
            "distorts it; 1 takes half the time.",
        ),
        io.Combo.Input(
            "length", options=list(choices_of(LengthMode)), default=preset.length,
            tooltip="When video and speech differ in length. longest: nothing is lost, a shorter video plays back and "
            "forth. silence: keep the frames, cut longer speech. cut_off: end with the shorter. As long as the speech: "
            "loop starts the video again, bounce plays it back and forth, remap changes its speed.",
        ),
        io.Combo.Input(
            "silence", options=list(choices_of(SilencePolicy)), default=preset.silence,
            tooltip="While nobody speaks: model follows the sound, keep leaves the source's mouth, closed lets the "
            "mouth rest, also where there is noise.",
        ),
        io.Combo.Input(
            "missing_face", options=list(choices_of(MissingFacePolicy)), default=preset.missing_face,
            tooltip="Frames without the face: keep passes them through unchanged, error stops the run, hold pastes the "
            "mouth at the place between those around it, through gaps of up to 1 s.",
        ),
    ]  # fmt: skip


def _build_advanced(preset: Options) -> list[io.Input]:
    return [
        io.Combo.Input(
            "sampler", options=list(choices_of(Sampler)), default=preset.sampler, advanced=True,
            tooltip="ddim is what the checkpoints were published with; dpm++ and unipc need about half the steps.",
        ),
        io.Int.Input(
            "reuse", default=preset.reuse, min=1, max=10, advanced=True,
            tooltip="Run the whole network only every n-th step (DeepCache); 1 is every step. 3 takes less than half "
            "the time; exact with 3 is the original as its script and web page run it.",
        ),
        io.Int.Input(
            "overlap", default=preset.overlap, min=0, max=8, advanced=True,
            tooltip="Frames by which neighbouring windows overlap and cross-fade. More is smoother and slower.",
        ),
        io.Float.Input(
            "max_turn", default=preset.max_turn, min=0.0, max=180.0, step=1.0, round=0.001, advanced=True,
            tooltip="Heads turned sideways by more degrees, 15 to 180, keep the source's mouth; it fades over the 10 "
            "before. 180: never. Up to 10: a value from before it was in degrees.",
        ),
        io.Combo.Input(
            "fps", options=list(RATES), default=_rate_name_of(preset.fps), advanced=True,
            tooltip="Frame rate of the result. source: every frame at its own time.",
        ),
    ]  # fmt: skip


def _build_blending(preset: Options) -> list[io.Input]:
    """Return the widgets that the preset exact does not have, because it pastes the whole crop."""
    return [
        io.Float.Input(
            "feather", default=preset.feather, min=0.0, max=0.5, step=0.01, round=0.001, advanced=True,
            tooltip="Width of the soft edge of the blend, as a fraction of the face crop.",
        ),
        io.Boolean.Input(
            "color_match", default=preset.color_match, advanced=True,
            tooltip="Bring the colours of the new mouth to those of the skin around it.",
        ),
        io.Boolean.Input(
            "grain", default=preset.grain, optional=True, advanced=True,
            tooltip="Draw the source's grain over the new mouth, as strong as around it. Clean footage gets none.",
        ),
        io.Combo.Input(
            "covered", options=list(choices_of(CoveredPolicy)), default=preset.covered, optional=True, advanced=True,
            tooltip="Where a hand, a microphone or the like hides the mouth: keep leaves the frames as they are, "
            "ignore paints over it. Not used where protect of the Lip Sync node is connected.",
        ),
    ]  # fmt: skip


def _build_later(preset: Options) -> list[io.Input]:
    """Return the widgets of all presets that came after the others: saved graphs hold values by position."""
    return [
        io.Float.Input(
            "guided", default=preset.guided, min=0.0, max=1.0, step=0.05, round=0.01, optional=True, advanced=True,
            tooltip="Share of the steps that guidance is used in, counted from the last one; the others take half the "
            "time. Less moves the lips less.",
        ),
    ]  # fmt: skip


def _rate_name_of(fps: Fraction | None) -> str:
    return next(name for name, rate in RATES.items() if rate == fps)
