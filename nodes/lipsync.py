"""LatentSync Lip Sync, for frames and for video files."""

from __future__ import annotations

from typing import Any

import torch
from comfy_api.latest import io

from ..latentsync_core.data import FaceTrack
from ..latentsync_core.options import Options
from . import sockets
from .bridge import media
from .bridge.devices import LoadedModel
from .bridge.frames import collected
from .bridge.run import resyncing
from .bridge.temp import video_of

_ALIASES = ["lip sync", "lipsync", "latentsync", "dub", "talking head", "wav2lip", "mouth"]
_REPORT = "What was done with the frames and why, the face, the model and the time it took."


def _settings() -> list[io.Input]:
    """The inputs that both nodes end with."""
    return [
        sockets.Model.Input("model", tooltip="From LatentSync Load Model."),
        sockets.Options.Input(
            "options",
            optional=True,
            tooltip="From LatentSync Options; nothing connected is the preset balanced.",
        ),
        sockets.Speaker.Input(
            "speaker",
            optional=True,
            tooltip="From LatentSync Faces, of the same clip; nothing connected takes the face with the most area.",
        ),
    ]


class LipSyncFrames(io.ComfyNode):
    """Frames in, frames out."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LatentSyncLipSyncFrames",
            display_name="LatentSync Lip Sync (Frames)",
            category=sockets.CATEGORY,
            description="Re-syncs the mouth in frames to speech. Only the mouth's region is written; all other pixels "
            "come back as they are. For long clips use Lip Sync (Video), which holds no frames in memory.",
            search_aliases=[*_ALIASES, "lip sync images"],
            inputs=[
                io.Image.Input("images", tooltip="The frames, in order. Transparency comes back untouched."),
                io.Audio.Input(
                    "audio", tooltip="The new speech. Longer or shorter than the frames: see Options, length."
                ),
                sockets.fps(
                    "Frames per second of images; each frame hears the speech at its own time. Any rate."
                ),
                *_settings(),
            ],
            outputs=[
                io.Image.Output("images", tooltip="The frames with the new mouth, of the same size."),
                io.Audio.Output(
                    "audio",
                    tooltip="The speech, samples untouched, cut or followed by silence where it would not last as "
                    "long as the frames.",
                ),
                io.Mask.Output("mask", tooltip="How much of each pixel was changed, per frame."),
                io.String.Output("report", tooltip=_REPORT),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        images: torch.Tensor,
        audio: dict[str, Any],
        fps: float,
        model: LoadedModel,
        options: Options | None = None,
        speaker: FaceTrack | None = None,
    ) -> io.NodeOutput:
        clip, speech = media.clip_of(images, fps), media.waveform_of(audio)
        with resyncing(clip, speech, model, options, speaker, cls.hidden.unique_id) as job:
            pictures, mask = collected(job, images)
        sound = media.fitted(audio, job.plan.duration, 1 / float(job.plan.fps))
        return io.NodeOutput(pictures, sound, mask, job.report())


class LipSyncVideo(io.ComfyNode):
    """Video in, video out, without holding its frames."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LatentSyncLipSyncVideo",
            display_name="LatentSync Lip Sync (Video)",
            category=sockets.CATEGORY,
            description="Re-syncs the mouth in a video to speech. The video is read and written frame by frame, so "
            "that its length does not matter for memory. A video that was trimmed is taken as it was trimmed.",
            search_aliases=[*_ALIASES, "lip sync video"],
            inputs=[
                io.Video.Input("video", tooltip="The video. Its own sound is not used."),
                io.Audio.Input(
                    "audio", tooltip="The new speech. Longer or shorter than the video: see Options, length."
                ),
                *_settings(),
            ],
            outputs=[
                io.Video.Output(
                    "video",
                    tooltip="The video with the new mouth and the speech, at its own size and frame times.",
                ),
                io.String.Output("report", tooltip=_REPORT),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        video: Any,
        audio: dict[str, Any],
        model: LoadedModel,
        options: Options | None = None,
        speaker: FaceTrack | None = None,
    ) -> io.NodeOutput:
        speech = media.waveform_of(audio)
        with media.opened(video) as source:
            with resyncing(source.clip, speech, model, options, speaker, cls.hidden.unique_id) as job:
                plan = job.plan
                result = video_of(
                    job.frames, plan.times, like=source, fps=plan.fps, duration=plan.duration, sound=speech
                )
        return io.NodeOutput(result, job.report())
