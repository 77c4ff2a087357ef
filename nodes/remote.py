"""LatentSync Remote and LatentSync Remote Jobs."""

from __future__ import annotations

from typing import Any

import torch
from comfy_api.latest import io

from ..latentsync_core.remote.models import DEFAULT_MODEL, MODELS
from . import sockets
from .bridge import remote
from .bridge.media import pick_option
from .bridge.show import make_player, show_report

OTHER = "other"
"""The entry of the menu of models for one by its id."""
_KEY = (
    "The key is read from WAVESPEED_API_KEY, WAVESPEED_API_KEY_FILE or ComfyUI's user/__latentsync folder, and is "
    "never part of a workflow."
)


class Remote(io.ComfyNode):
    """The same inputs and outputs as Lip Sync, on rented hardware."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LatentSyncRemote",
            display_name="LatentSync Remote",
            category=sockets.CATEGORY,
            description="Re-syncs the mouth in a video to speech at WaveSpeed, for those without a big GPU. It costs "
            "money: $0.15 for every 5 seconds. What was stopped is picked up by the next run, and the same inputs are "
            f"never bought twice. {_KEY}",
            search_aliases=["wavespeed", "lip sync api", "remote lip sync", "cloud lip sync", "hosted latentsync"],
            inputs=[
                io.Video.Input(
                    "video", optional=True,
                    tooltip="The video. Give either video or images. An H.264 mp4 is sent as it is.",
                ),
                io.Image.Input(
                    "images", optional=True, tooltip="The video as frames. Give either video or images."
                ),
                sockets.build_fps("Frames per second of images; a video has its own."),
                io.Audio.Input("audio", tooltip="The new speech."),
                io.DynamicCombo.Input(
                    "model", options=_build_models(),
                    tooltip="Which of WaveSpeed's models. LatentSync is the first; the others take the same inputs, at "
                    f"prices of their own. {OTHER}: one that is not in this list, by its id.",
                ),
                io.Int.Input(
                    "take", default=1, min=1, max=9999,
                    tooltip="The same inputs with the same take are bought once. Another take buys another result.",
                ),
                io.Float.Input(
                    "max_cost", default=1.0, min=0.0, max=1000.0, step=0.05, round=0.01,
                    tooltip="The most that this run may cost, in US dollars. Nothing dearer is bought.",
                ),
                io.Boolean.Input(
                    "dry_run", default=False,
                    tooltip="Only upload and ask for the price; buy nothing. Nodes behind the video, the images and "
                    "the audio are left out.",
                ),
                io.Boolean.Input(
                    "return_images", default=False,
                    tooltip="Also give all frames of the result as images. They are held in memory.",
                ),
            ],
            outputs=[
                io.Video.Output(
                    "video", tooltip="The result as it was downloaded; it is kept in output/latentsync_remote."
                ),
                io.Image.Output("images", tooltip="Its frames, if return_images is on."),
                io.Audio.Output(
                    "audio",
                    tooltip="The speech that was put in, not compressed, cut or followed by silence where it would not "
                    "last as long as the result.",
                ),
                io.String.Output("report", tooltip="The id of the task, what it cost, times and notes."),
            ],
            hidden=[io.Hidden.unique_id],
            has_intermediate_output=True,
        )  # fmt: skip

    @classmethod
    async def execute(
        cls,
        audio: dict[str, Any],
        video: Any = None,
        images: torch.Tensor | None = None,
        fps: float = 25.0,
        model: dict[str, Any] | None = None,
        take: int = 1,
        max_cost: float = 1.0,
        dry_run: bool = False,
        return_images: bool = False,
    ) -> io.NodeOutput:
        order = remote.Order(_model_id_of(model), take, max_cost, dry_run)
        result = await remote.buy(order, video, images, fps, audio, cls.hidden.unique_id)
        video, images, audio = await remote.media_of(result, audio, return_images)
        preview = show_report(str(result), cls.hidden.unique_id, make_player(result.path))
        return io.NodeOutput(video, images, audio, str(result), ui=preview)


def _build_models() -> list[io.DynamicCombo.Option]:
    """Return the models of the library, its default first, and an entry for one by its id."""
    by_id = io.String.Input(
        "model_id", default="",
        tooltip="The id of a model of WaveSpeed that takes audio and video, such as maker/model.",
    )  # fmt: skip
    known = sorted(MODELS, key=lambda name: name != DEFAULT_MODEL)
    return [*(io.DynamicCombo.Option(name, []) for name in known), io.DynamicCombo.Option(OTHER, [by_id])]


def _model_id_of(model: dict[str, Any] | None) -> str:
    """Return the id of the chosen model; raises OptionError."""
    name, given = pick_option("model", model, [*MODELS, OTHER])
    return given["model_id"].strip() if name == OTHER else name


class RemoteJobs(io.ComfyNode):
    """Lists what was bought, and fetches a result again."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LatentSyncRemoteJobs",
            display_name="LatentSync Remote Jobs",
            category=sockets.CATEGORY,
            description="Lists what was bought at WaveSpeed, newest first, or fetches a result by its id, also one "
            f"that was bought elsewhere with the same key. Buys nothing. {_KEY}",
            search_aliases=["wavespeed", "prediction id", "resume lip sync", "remote history", "download again"],
            inputs=[
                io.String.Input(
                    "prediction_id", default="",
                    tooltip="The id of a task to wait for and fetch, from the list or from "
                    "https://wavespeed.ai/predictions. Empty only lists.",
                ),
                io.Int.Input("limit", default=20, min=1, max=1000, tooltip="How many jobs to list."),
            ],
            outputs=[
                io.Video.Output(
                    "video", tooltip="The result of prediction_id; without one, nodes behind it are left out."
                ),
                io.String.Output(
                    "report", tooltip="The list: time (UTC), state, cost, id, model, take, file. Or the one task."
                ),
            ],
            hidden=[io.Hidden.unique_id],
            is_output_node=True,
        )  # fmt: skip

    @classmethod
    def fingerprint_inputs(cls, prediction_id: str | None = "", **_: object) -> str:
        return "" if prediction_id else remote.version_of_journal()

    @classmethod
    async def execute(cls, prediction_id: str = "", limit: int = 20) -> io.NodeOutput:
        if identity := prediction_id.strip():
            result = await remote.fetch(identity, cls.hidden.unique_id)
            preview = show_report(str(result), cls.hidden.unique_id, make_player(result.path))
            return io.NodeOutput(remote.video_of(result), str(result), ui=preview)
        report = remote.list_jobs(limit)
        return io.NodeOutput(remote.NOTHING, report, ui=show_report(report, cls.hidden.unique_id))
