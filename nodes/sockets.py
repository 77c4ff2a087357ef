"""The link types, categories and widgets that several nodes use."""

from __future__ import annotations

from collections.abc import Sequence

from comfy_api.latest import io

from ..latentsync_core.options import Options as CoreOptions
from .bridge.people import CHOICES
from .bridge.settings import AUDIO_MODES

Model = io.Custom("LATENTSYNC_MODEL")
"""A `bridge.LoadedModel`."""
Options = io.Custom("LATENTSYNC_OPTIONS")
"""A `latentsync_core.Options`."""
Speaker = io.Custom("LATENTSYNC_SPEAKER")
"""A `latentsync_core.FaceTrack`: one person's face in every frame of a clip."""
Lines = io.Custom("LATENTSYNC_LINES")
"""A tuple of `latentsync_core.data.Line`, in the order of their nodes."""
Mouths = io.Custom("LATENTSYNC_MOUTHS")
"""A `bridge.mouths.MadeMouths`."""
MetaBatch = io.Custom("VHS_BatchManager")
"""VideoHelperSuite's Meta Batch Manager, which hands a long video through a graph in parts."""

CATEGORY = "LatentSync"

PRESETS_ARE = {
    "balanced": "8 steps of a fast sampler",
    "quality": "20 steps, longer cross-fades, twice the time",
    "draft": "6 steps, for a first look",
    "exact": "the original's own way, for comparison, at 25 fps",
}
"""In the order of menus."""

PRESETS = tuple(PRESETS_ARE)

LINE_PRESETS = tuple(name for name in PRESETS if name != "exact")
"""For dubs: upstream's way is one speech over a whole clip."""


def describe_presets(presets: Sequence[str] = PRESETS) -> str:
    """Return a sentence for each preset."""
    return " ".join(f"{name}: {PRESETS_ARE[name]}." for name in presets)


def build_film() -> list[io.Input]:
    """Return the inputs for what lines are laid on."""
    return [
        io.Video.Input("video", optional=True, tooltip="The film. Give either video or images."),
        io.Image.Input("images", optional=True, tooltip="The film as frames. Give either video or images."),
        build_fps("Frames per second of images; a video has its own."),
        io.Audio.Input(
            "audio",
            optional=True,
            tooltip="The audio that belongs to images, on which the lines are laid, and by which auto tells who "
            "speaks. A video has its own.",
        ),
    ]


def build_fps(tooltip: str) -> io.Input:
    """Return the widget for the frame rate."""
    return io.Float.Input("fps", default=25.0, min=1.0, max=240.0, step=0.01, round=0.001, tooltip=tooltip)


def build_preset(presets: Sequence[str] = PRESETS) -> io.Input:
    """Return the menu of presets, of which balanced is one."""
    return io.Combo.Input(
        "preset",
        options=list(presets),
        default="balanced",
        tooltip=f"{describe_presets(presets)} Not used where LatentSync Options is connected.",
    )


def build_seed() -> io.Input:
    """Return the widget for the seed."""
    return io.Int.Input(
        "seed",
        default=CoreOptions().seed,
        min=0,
        max=2**63 - 1,
        control_after_generate=io.ControlAfterGenerate.fixed,
        tooltip="Seed of the noise. Another seed is another mouth, rarely a better one.",
    )


def build_model() -> io.Input:
    """Return the socket for the model, which may be left open."""
    return Model.Input(
        "model",
        optional=True,
        tooltip="From LatentSync Load Model, which also keeps it loaded; nothing connected takes the best model on "
        "this machine: 1.6, else 1.5, else another, else the bundled nano.",
    )


def build_options() -> io.Input:
    """Return the socket for what replaces the preset."""
    return Options.Input(
        "options",
        optional=True,
        tooltip="From LatentSync Options, in place of preset; nothing connected is the preset chosen here.",
    )


def build_choose(tooltip: str) -> io.Input:
    """Return the menu of whom to take, each entry with the inputs that it needs."""
    pixels = {"default": 0.0, "min": 0.0, "max": 16384.0, "step": 1.0}
    needed = {
        "number": [io.Int.Input("number", default=1, min=1, max=16, tooltip="As drawn in the preview.")],
        "numbers": [
            io.String.Input(
                "numbers", default="1+2", tooltip="Faces that are one person, such as 1+3, as drawn in the preview."
            )
        ],
        "point": [
            io.Float.Input("x", **pixels, tooltip="Pixels from the left."),
            io.Float.Input("y", **pixels, tooltip="Pixels from the top."),
        ],
        "box": [
            io.BoundingBox.Input(
                "boxes", force_input=True,
                tooltip="A bounding box, or the boxes of a face detector. The first box of the first frame that has "
                "one counts.",
            )
        ],
    }  # fmt: skip
    entries = [io.DynamicCombo.Option(name, needed.get(name, [])) for name in CHOICES]
    return io.DynamicCombo.Input("choose", options=entries, tooltip=tooltip)


def build_audio_mode(tooltip: str) -> io.Input:
    """Return the menu of audio modes; only duck has an input of its own."""
    by = io.Float.Input(
        "duck_db", default=12.0, min=0.0, max=60.0, step=1.0,
        tooltip="By how many decibels the original is lowered.",
    )  # fmt: skip
    entries = [io.DynamicCombo.Option(mode, [by] if mode == "duck" else []) for mode in AUDIO_MODES]
    return io.DynamicCombo.Input("audio_mode", options=entries, tooltip=tooltip)


def build_return_images() -> io.Input:
    """Return the switch for frames of a video."""
    return io.Boolean.Input(
        "return_images",
        default=False,
        tooltip="Also give all frames of a video as images, and the mask. They are held in memory: leave it off for "
        "long films. Where images come in, they always are.",
    )


FILM_AUDIO = (
    "The film's own audio under a line: replace silences it, mix keeps it, duck lowers it by duck_db. Elsewhere it "
    "stays as it is."
)
DUB_REPORT = (
    "For every line who says it, in which frames, and what keeps its mouth; how many windows were denoised anew; the "
    "model and the time it took."
)


def build_results(report: str) -> list[io.Output]:
    """Return the outputs for a dubbed film."""
    return [
        io.Video.Output("video", tooltip="The film with its lines, at its own size and frame times."),
        io.Image.Output("images", tooltip="Its frames, if images came in or return_images is on."),
        io.Audio.Output("audio", tooltip="Its audio, with the lines in it."),
        io.Mask.Output(
            "mask", tooltip="How much of each pixel was changed, per frame; given where images are."
        ),
        io.String.Output("report", tooltip=report),
    ]
