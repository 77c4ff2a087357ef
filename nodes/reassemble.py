"""LatentSync Reassemble."""

from __future__ import annotations

from typing import Any

import torch
from comfy_api.latest import io

from . import sockets
from .bridge.settings import read_sound
from .bridge.show import make_player, show_report
from .bridge.splice import Insertion, reassemble


class Reassemble(io.ComfyNode):
    """Puts lip-synced frames back where they came from."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LatentSyncReassemble",
            display_name="LatentSync Reassemble",
            category=sockets.CATEGORY,
            description="Puts lip-synced frames and their audio back into the clip that they are a part of, so that a "
            "sentence in the middle of a video can be dubbed. Without an original it joins frames and audio to a "
            "video.",
            search_aliases=["combine video", "insert clip", "splice video", "dub part", "frames to video", "mix audio"],
            inputs=[
                io.Image.Input("images", tooltip="The frames to put in."),
                sockets.build_fps("Frames per second of images, and of original_images."),
                io.Audio.Input("audio", optional=True, tooltip="The audio that belongs to images."),
                io.Video.Input(
                    "video", optional=True,
                    tooltip="The original. Give either video or original_images, or neither.",
                ),
                io.Image.Input(
                    "original_images", optional=True,
                    tooltip="The original as frames. Give either video or original_images, or neither.",
                ),
                io.Float.Input(
                    "start", default=0.0, min=0.0, max=86400.0, step=0.04, round=0.001,
                    tooltip="Second of the original at which images begin.",
                ),
                io.Float.Input(
                    "fade", default=0.0, min=0.0, max=10.0, step=0.04, round=0.001,
                    tooltip="Seconds over which frames and audio cross-fade where images begin and end; 0 cuts.",
                ),
                sockets.build_audio_mode(
                    "Where there is audio: replace silences the original, mix adds to it, duck adds and lowers "
                    "the original by duck_db.",
                ),
                io.Boolean.Input(
                    "return_images", default=False,
                    tooltip="Also give all frames of the result as images. They are held in memory: leave it off "
                    "for long videos.",
                ),
            ],
            outputs=[
                io.Video.Output("video", tooltip="The whole clip with frames and audio put in."),
                io.Image.Output("images", tooltip="Its frames, if return_images is on."),
                io.Audio.Output("audio", tooltip="Its audio; silence where neither clip has any."),
            ],
            hidden=[io.Hidden.unique_id],
            has_intermediate_output=True,
        )  # fmt: skip

    @classmethod
    def execute(
        cls,
        images: torch.Tensor,
        fps: float,
        audio: dict[str, Any] | None = None,
        video: Any = None,
        original_images: torch.Tensor | None = None,
        start: float = 0.0,
        fade: float = 0.0,
        audio_mode: dict[str, Any] | None = None,
        return_images: bool = False,
    ) -> io.NodeOutput:
        part = Insertion(images, audio, fps, start, fade, read_sound(audio_mode))
        node_id = cls.hidden.unique_id
        whole = reassemble(part, video, original_images, return_images, node_id)
        preview = show_report(whole.report, node_id, make_player(whole.video.get_stream_source()))
        return io.NodeOutput(whole.video, whole.images, whole.audio, ui=preview)
