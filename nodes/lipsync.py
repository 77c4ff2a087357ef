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
from .bridge.parts import start_of
from .bridge.run import SyncRequest, collect, resync
from .bridge.settings import read_range, settle
from .bridge.show import make_player, show_report

_ALIASES = ["lip sync", "lipsync", "latentsync", "dub", "talking head", "wav2lip", "mouth"]
_REPORT = "What was done with the frames and why, the face, the model and the time it took."


def _build_settings() -> list[io.Input]:
    """Return the inputs that both nodes end with."""
    return [
        sockets.build_preset(),
        sockets.build_seed(),
        sockets.build_model(),
        sockets.build_options(),
        sockets.Speaker.Input(
            "speaker",
            optional=True,
            tooltip="From LatentSync Faces, of the same clip; nothing connected takes who speaks in a video by its "
            "own audio, else the face with the most area.",
        ),
    ]


def _build_limits() -> list[io.Input]:
    """Return the last inputs of both nodes: where nothing may change, and when."""
    times = "seconds, 00:01:02.500, or the timecode of a video, 01:00:02:12"
    return [
        io.Mask.Input(
            "protect",
            optional=True,
            tooltip="What lies before the face, such as a hand or a microphone, in white: there the source stays on "
            "top, bit for bit. One mask per frame, or one for all.",
        ),
        io.String.Input(
            "range_start",
            default="",
            optional=True,
            advanced=True,
            tooltip=f"Frames before this pass through, bit for bit: {times}. Empty: from the beginning on.",
        ),
        io.String.Input(
            "range_end",
            default="",
            optional=True,
            advanced=True,
            tooltip=f"Frames from here on pass through, bit for bit: {times}. Empty: to the end.",
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
                sockets.build_fps(
                    "Frames per second of images; each frame gets the speech at its own time. Any rate."
                ),
                *_build_settings(),
                io.Float.Input(
                    "audio_start",
                    default=0.0,
                    min=0.0,
                    max=86400.0,
                    step=0.01,
                    round=0.001,
                    optional=True,
                    advanced=True,
                    tooltip="For frames that continue a clip: the second of audio at which they begin, such as (frames "
                    "before these) / fps. Above 0, as many frames come out as go in, whatever Options, length says.",
                ),
                sockets.MetaBatch.Input(
                    "meta_batch",
                    optional=True,
                    tooltip="From VideoHelperSuite's Meta Batch Manager: each batch then gets its own part of audio, "
                    "and as many frames come out as go in.",
                ),
                *_build_limits(),
            ],
            outputs=[
                io.Image.Output("images", tooltip="The frames with the new mouth, of the same size."),
                io.Audio.Output(
                    "audio",
                    tooltip="The speech of these frames, samples untouched, cut or followed by silence where it would "
                    "not last as long as they do.",
                ),
                io.Mask.Output("mask", tooltip="How much of each pixel was changed, per frame."),
                io.String.Output("report", tooltip=_REPORT),
            ],
            hidden=[io.Hidden.unique_id, io.Hidden.prompt],
            has_intermediate_output=True,
        )

    @classmethod
    def execute(
        cls,
        images: torch.Tensor,
        audio: dict[str, Any],
        fps: float,
        preset: str = "balanced",
        seed: int = Options.seed,
        model: LoadedModel | None = None,
        options: Options | None = None,
        speaker: FaceTrack | None = None,
        audio_start: float = 0.0,
        meta_batch: Any = None,
        protect: torch.Tensor | None = None,
        range_start: str = "",
        range_end: str = "",
    ) -> io.NodeOutput:
        clip, speech = media.clip_of(images, fps), media.waveform_of(audio)
        chosen, settings = settle(preset, seed, options)
        start = start_of(audio_start, meta_batch, clip.fps, cls.hidden.prompt)
        only, masks = read_range(clip, range_start, range_end), media.masks_of(protect)
        asked = SyncRequest(clip, speech, chosen, speaker, masks, only, start)
        with resync(asked, model, cls.hidden.unique_id) as job:
            frames, mask = collect(job.rendering, images)
        plan = job.line.plan
        fitted = media.fit_audio(audio, plan.duration, 1 / float(plan.fps), start or 0.0)
        report = f"{job.report()}\n{settings}"
        return io.NodeOutput(frames, fitted, mask, report, ui=show_report(report, cls.hidden.unique_id))


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
                io.Video.Input("video", tooltip="The video. Its own audio only tells who speaks."),
                io.Audio.Input(
                    "audio", tooltip="The new speech. Longer or shorter than the video: see Options, length."
                ),
                *_build_settings(),
                *_build_limits(),
            ],
            outputs=[
                io.Video.Output(
                    "video",
                    tooltip="The video with the new mouth and the speech, at its own size and frame times.",
                ),
                io.String.Output("report", tooltip=_REPORT),
            ],
            hidden=[io.Hidden.unique_id],
            has_intermediate_output=True,
        )

    @classmethod
    def execute(
        cls,
        video: Any,
        audio: dict[str, Any],
        preset: str = "balanced",
        seed: int = Options.seed,
        model: LoadedModel | None = None,
        options: Options | None = None,
        speaker: FaceTrack | None = None,
        protect: torch.Tensor | None = None,
        range_start: str = "",
        range_end: str = "",
    ) -> io.NodeOutput:
        speech, (chosen, settings) = media.waveform_of(audio), settle(preset, seed, options)
        node_id = cls.hidden.unique_id
        with media.open_video(video) as source:
            only, masks = read_range(source.clip, range_start, range_end), media.masks_of(protect)
            asked = SyncRequest(source.clip, speech, chosen, speaker, masks, only)
            with resync(asked, model, node_id) as job:
                dub = job.rendering.dub
                result = media.video_of(job.rendering.frames, dub, like=source, audio=speech)
        report = f"{job.report()}\n{settings}"
        preview = show_report(report, node_id, make_player(result.get_stream_source()))
        return io.NodeOutput(result, report, ui=preview)
