"""LatentSync Make Mouths and LatentSync Paste Mouths."""

from __future__ import annotations

from typing import Any

import torch
from comfy_api.latest import io

from ..latentsync_core.data import Line
from ..latentsync_core.options import Options
from . import sockets
from .bridge.devices import LoadedModel
from .bridge.film import Film
from .bridge.mouths import MadeMouths, make_mouths_of, paste_mouths_of
from .bridge.settings import read_sound, settle
from .bridge.show import show_report

_ALIASES = ["crop face", "face restore", "upscale mouth", "stitch", "uncrop", "restore mouth"]


class MakeMouths(io.ComfyNode):
    """The first half of a dub: mouths that are not yet pasted."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LatentSyncMakeMouths",
            display_name="LatentSync Make Mouths",
            category=sockets.CATEGORY,
            description="Makes the mouths of a dub and gives them as images, aligned and each as large as the model "
            "makes it, so that a restorer or an upscaler works on the mouth alone. LatentSync Paste Mouths puts them "
            "into the film.",
            search_aliases=[*_ALIASES, "aligned crops"],
            inputs=[
                *sockets.build_film(),
                sockets.Lines.Input(
                    "lines",
                    tooltip="From LatentSync Line; a single one that starts at 0 is a plain lip-sync.",
                ),
                sockets.build_preset(sockets.LINE_PRESETS),
                sockets.build_seed(),
                sockets.build_model(),
                sockets.build_options(),
            ],
            outputs=[
                io.Image.Output(
                    "images",
                    tooltip="One mouth for each line and frame that it changes, in order. All are held in memory, and "
                    "once more in mouths: 6 MB for each at the 512 pixels of 1.6, 1.6 MB at the 256 of 1.5.",
                ),
                sockets.Mouths.Output("mouths", tooltip="For LatentSync Paste Mouths: where each image belongs."),
                io.String.Output("report", tooltip=sockets.DUB_REPORT),
            ],
            hidden=[io.Hidden.unique_id],
            has_intermediate_output=True,
        )  # fmt: skip

    @classmethod
    def execute(
        cls,
        lines: tuple[Line, ...],
        video: Any = None,
        images: torch.Tensor | None = None,
        fps: float = 25.0,
        audio: dict[str, Any] | None = None,
        preset: str = "balanced",
        seed: int = Options.seed,
        model: LoadedModel | None = None,
        options: Options | None = None,
    ) -> io.NodeOutput:
        chosen, settings = settle(preset, seed, options)
        film, node_id = Film(video, images, fps, audio), cls.hidden.unique_id
        made, mouths, report = make_mouths_of(film, lines, chosen, model, node_id)
        report = f"{report}\n{settings}"
        return io.NodeOutput(made, mouths, report, ui=show_report(report, node_id))


class PasteMouths(io.ComfyNode):
    """The second half of a dub."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LatentSyncPasteMouths",
            display_name="LatentSync Paste Mouths",
            category=sockets.CATEGORY,
            description="Pastes the mouths of LatentSync Make Mouths into their film, as they are or as other nodes "
            "made them, also at another size. Straight from there they give what LatentSync Dub gives, bit for bit.",
            search_aliases=[*_ALIASES, "paste crops"],
            inputs=[
                io.Image.Input(
                    "images", tooltip="As many images as LatentSync Make Mouths gave, in its order, of any one size."
                ),
                sockets.Mouths.Input("mouths", tooltip="From LatentSync Make Mouths."),
                sockets.build_audio_mode(sockets.FILM_AUDIO),
                sockets.build_return_images(),
            ],
            outputs=sockets.build_results(
                "How many mouths were pasted, and for every line who says it and in which frames."
            ),
            hidden=[io.Hidden.unique_id],
            has_intermediate_output=True,
        )  # fmt: skip

    @classmethod
    def execute(
        cls,
        images: torch.Tensor,
        mouths: MadeMouths,
        audio_mode: dict[str, Any] | None = None,
        return_images: bool = False,
    ) -> io.NodeOutput:
        node_id = cls.hidden.unique_id
        result, report = paste_mouths_of(mouths, images, read_sound(audio_mode), return_images, node_id)
        return result.output(report, node_id)
