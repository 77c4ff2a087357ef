"""LatentSync Example Clip."""

from __future__ import annotations

from comfy_api.latest import io

from . import sockets
from .bridge import example


class ExampleClip(io.ComfyNode):
    """The media of the example workflows, so that they run as they are opened."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LatentSyncExampleClip",
            display_name="LatentSync Example Clip",
            category=sockets.CATEGORY,
            description="A clip of a drawn person and a sentence to put into the mouth, which come with the pack. The "
            "example workflows begin with it. For your own take Load Video and LatentSync Load Audio instead.",
            search_aliases=["sample video", "demo clip", "test video", "example media", "try lip sync"],
            inputs=[
                io.Combo.Input(
                    "clip", options=list(example.CLIPS), default="person",
                    tooltip="person: 2.3 s, one person who talks. two_people: 2.3 s, of whom the left one talks. film: "
                    "4.3 s, to dub a part of. portrait: a still image.",
                ),
            ],
            outputs=[
                io.Video.Output("video", tooltip="The clip, 25 frames a second, with its own audio; the portrait has "
                                "one frame and no audio."),
                io.Image.Output("image", tooltip="Its first frame, or the portrait."),
                io.Audio.Output("audio", tooltip="Another sentence, 2.6 s, for all of them."),
            ],
        )  # fmt: skip

    @classmethod
    def execute(cls, clip: str = "person") -> io.NodeOutput:
        return io.NodeOutput(*example.media_of(clip))
