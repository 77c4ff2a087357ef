"""LatentSync Sync Score."""

from __future__ import annotations

from typing import Any

import torch
from comfy_api.latest import io, ui

from ..latentsync_core.data import FaceTrack
from . import sockets
from .bridge import checkpoints, media, score
from .bridge.show import show_report


class SyncScore(io.ComfyNode):
    """Measures how well a mouth and the audio are in sync."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LatentSyncSyncScore",
            display_name="LatentSync Sync Score",
            category=sockets.CATEGORY,
            description="Measures with a SyncNet how well the mouth in a clip fits the audio, and by how many frames "
            "of 1/25 s the audio comes too early or too late.",
            search_aliases=["sync score", "syncnet", "lip sync confidence", "av offset", "audio offset", "evaluate"],
            inputs=[
                io.Video.Input("video", optional=True, tooltip="The clip. Give either video or images."),
                io.Image.Input("images", optional=True, tooltip="The clip. Give either video or images."),
                sockets.build_fps("Frames per second of images; a video has its own."),
                io.Audio.Input(
                    "audio", optional=True,
                    tooltip="The audio, which starts with the clip. Nothing connected takes the video's own.",
                ),
                io.Combo.Input(
                    "model", options=checkpoints.list_evaluators(), default="nano",
                    tooltip="The checkpoint whose SyncNet evaluates. Scores of different ones cannot be compared. nano "
                    "knows drawn heads; for people take 1.6, of which the download gets what is missing, up to 7 GB.",
                ),
                sockets.Speaker.Input(
                    "speaker", optional=True,
                    tooltip="From LatentSync Faces, of the same clip; nothing connected takes the face with the most "
                    "area.",
                ),
            ],
            outputs=[
                io.Int.Output(
                    "offset",
                    tooltip="Frames of 1/25 s by which the audio comes too early; negative: too late. 0 is in sync, or "
                    "no verdict: see confidence.",
                ),
                io.Float.Output(
                    "confidence",
                    tooltip="How far the best fit stands out. Below 0.3 there is no verdict.",
                ),
                io.String.Output("report", tooltip="The same in words, and how much of the face was seen."),
                io.Image.Output("curve", tooltip="The fit for every shift of the audio, as a plot."),
            ],
            hidden=[io.Hidden.unique_id, io.Hidden.prompt, io.Hidden.extra_pnginfo],
            is_output_node=True,
        )  # fmt: skip

    @classmethod
    def execute(
        cls,
        video: Any = None,
        images: torch.Tensor | None = None,
        fps: float = 25.0,
        audio: dict[str, Any] | None = None,
        model: str = "nano",
        speaker: FaceTrack | None = None,
    ) -> io.NodeOutput:
        with media.open_given(video, images, fps, audio=audio is None) as source:
            result = score.measure(source, audio, model, speaker, cls.hidden.unique_id)
        offset = 0 if result.offset is None else result.offset
        curve, report = score.plot(result.curve), str(result)
        preview = show_report(report, cls.hidden.unique_id, ui.PreviewImage(curve, cls=cls))
        return io.NodeOutput(offset, result.confidence, report, curve, ui=preview)
