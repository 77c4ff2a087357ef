"""LatentSync Faces."""

from __future__ import annotations

from typing import Any

import torch
from comfy_api.latest import io, ui
from comfy_execution.graph_utils import ExecutionBlocker

from . import sockets
from .bridge import media, people
from .bridge.progress import Reporter
from .bridge.show import show_report


class Faces(io.ComfyNode):
    """Shows who is in a clip, and chooses who speaks."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LatentSyncFaces",
            display_name="LatentSync Faces",
            category=sockets.CATEGORY,
            description="Follows the faces of a clip and draws them with numbers, to choose the one to re-sync. 1 is "
            "the one with the most area over all frames.",
            search_aliases=["face detection", "choose speaker", "face tracking", "lip sync faces", "select face"],
            inputs=[
                io.Video.Input(
                    "video", optional=True, tooltip="The clip to look at. Give either video or images."
                ),
                io.Image.Input(
                    "images", optional=True, tooltip="The clip to look at. Give either video or images."
                ),
                sockets.build_fps("Frames per second of images; a video has its own."),
                sockets.build_choose(
                    "auto: who speaks in each scene by the clip's own audio; without it as largest, the face "
                    "with the most area. left, right: by place. number: as drawn in the preview. point: nearest to x, "
                    "y. box: overlapping boxes most. numbers: several that are one person.",
                ),
                io.Audio.Input(
                    "audio", optional=True,
                    tooltip="The audio that belongs to images, by which auto tells who speaks. A video has its own.",
                ),
            ],
            outputs=[
                sockets.Speaker.Output("speaker", tooltip="For LatentSync Lip Sync, with the same clip."),
                io.Image.Output("preview", tooltip="A few frames in which every face is numbered."),
                io.String.Output("report", tooltip="Every person: in how many frames, how sure, how far turned."),
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
        choose: dict[str, Any] | None = None,
        audio: dict[str, Any] | None = None,
    ) -> io.NodeOutput:
        speaker = people.speaker_of(choose)
        with media.open_given(video, images, fps, own=audio) as source:
            found = people.survey_clip(source.clip, speaker, Reporter(cls.hidden.unique_id))
        track = ExecutionBlocker(found.report) if found.track is None else found.track
        preview = ui.PreviewImage(found.preview, cls=cls)
        return io.NodeOutput(
            track, found.preview, found.report, ui=show_report(found.report, cls.hidden.unique_id, preview)
        )
