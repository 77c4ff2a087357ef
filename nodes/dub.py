"""LatentSync Line and LatentSync Dub."""

from __future__ import annotations

from typing import Any

import torch
from comfy_api.latest import io

from ..latentsync_core.data import FaceTrack, Line
from ..latentsync_core.options import Options
from . import sockets
from .bridge import media, people
from .bridge.devices import LoadedModel
from .bridge.film import Film, dub_film
from .bridge.settings import options_of_line, read_sound, settle


class DubLine(io.ComfyNode):
    """One line of a dub."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        seconds: dict[str, Any] = {"default": 0.0, "min": 0.0, "max": 86400.0, "step": 0.01, "round": 0.001}
        return io.Schema(
            node_id="LatentSyncLine",
            display_name="LatentSync Line",
            category=sockets.CATEGORY,
            description="Who says what when in a film. Chain one node for each line by lines, and give them all to "
            "LatentSync Dub.",
            search_aliases=["dialogue", "dub line", "cue", "dubbing", "speech at time", "retake"],
            inputs=[
                io.Audio.Input("audio", tooltip="What is said."),
                io.Float.Input("start", **seconds, tooltip="Second of the film at which the audio begins."),
                io.Float.Input(
                    "audio_in", **seconds, tooltip="The first second of the audio that is used."
                ),
                io.Float.Input(
                    "audio_out", **seconds, tooltip="Where the used part of the audio ends; 0 is its end."
                ),
                sockets.build_choose(
                    "Who says it. auto: who speaks by the film's own audio; without it as largest, the face with the "
                    "most area. left, right: by place. number: as LatentSync Faces draws them. point: nearest to x, y "
                    "while the line lasts. box: overlapping boxes most. numbers: several that are one person. Not used "
                    "where speaker is connected."
                ),
                io.Float.Input(
                    "strength", default=1.0, min=0.0, max=1.0, step=0.05, round=0.001,
                    tooltip="How much of the new mouth is seen. 0 only places the audio.",
                ),
                io.Int.Input(
                    "seed", default=-1, min=-1, max=2**63 - 1,
                    control_after_generate=io.ControlAfterGenerate.fixed,
                    tooltip="-1 is the seed of LatentSync Dub. Another one takes this line again, with another noise.",
                ),
                sockets.Speaker.Input(
                    "speaker", optional=True, tooltip="From LatentSync Faces, of the same film, in place of choose."
                ),
                sockets.Options.Input(
                    "options", optional=True,
                    tooltip="From LatentSync Options, for this line alone. Its length and fps are not used: those are "
                    "the film's.",
                ),
                io.Mask.Input(
                    "protect", optional=True,
                    tooltip="What lies before this person's face, in white: there the film stays on top. One mask per "
                    "frame of the film, or one for all.",
                ),
                sockets.Lines.Input(
                    "lines", optional=True,
                    tooltip="The lines before this one, from another LatentSync Line. Where two fall on one mouth, the "
                    "one that begins later has it.",
                ),
                io.Float.Input(
                    "end", **seconds, optional=True,
                    tooltip="Second of the film at which the place of the line ends, for fit; 0 is where the audio "
                    "ends by itself.",
                ),
                io.Boolean.Input(
                    "fit", default=False, optional=True,
                    tooltip="Bring the speech to the length from start to end: first by its pauses, then by up to 10 % "
                    "of its tempo, with its pitch. Speech that cannot be brought there stays as it is, and the report "
                    "says so.",
                ),
            ],
            outputs=[sockets.Lines.Output("lines", tooltip="The lines before this one, and this one.")],
        )  # fmt: skip

    @classmethod
    def execute(
        cls,
        audio: dict[str, Any],
        start: float = 0.0,
        audio_in: float = 0.0,
        audio_out: float = 0.0,
        choose: dict[str, Any] | None = None,
        strength: float = 1.0,
        seed: int = -1,
        speaker: FaceTrack | None = None,
        options: Options | None = None,
        protect: torch.Tensor | None = None,
        lines: tuple[Line, ...] = (),
        end: float = 0.0,
        fit: bool = False,
    ) -> io.NodeOutput:
        line = Line(
            media.waveform_of(audio),
            start,
            str(len(lines) + 1),
            audio_in,
            audio_out or None,
            end or None,
            fit,
            speaker=speaker or people.speaker_of(choose),
            strength=strength,
            options=options_of_line(options, seed),
            protect=media.masks_of(protect),
        )
        return io.NodeOutput((*lines, line))


class Dub(io.ComfyNode):
    """A film and its lines in one pass."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LatentSyncDub",
            display_name="LatentSync Dub",
            category=sockets.CATEGORY,
            description="Lays lines on a film: several speakers, at given times, in one pass. Frames without a line "
            "come back as they are. What is done again with one line changed computes that line's windows alone.",
            search_aliases=[
                "dubbing",
                "dialogue",
                "several speakers",
                "multi speaker lip sync",
                "lip sync scene",
            ],
            inputs=[
                *sockets.build_film(),
                sockets.Lines.Input("lines", tooltip="From LatentSync Line."),
                sockets.build_audio_mode(sockets.FILM_AUDIO),
                sockets.build_preset(sockets.LINE_PRESETS),
                sockets.build_seed(),
                sockets.build_return_images(),
                sockets.build_model(),
                sockets.build_options(),
            ],
            outputs=sockets.build_results(sockets.DUB_REPORT),
            hidden=[io.Hidden.unique_id],
            has_intermediate_output=True,
        )

    @classmethod
    def execute(
        cls,
        lines: tuple[Line, ...],
        video: Any = None,
        images: torch.Tensor | None = None,
        fps: float = 25.0,
        audio: dict[str, Any] | None = None,
        audio_mode: dict[str, Any] | None = None,
        preset: str = "balanced",
        seed: int = Options.seed,
        return_images: bool = False,
        model: LoadedModel | None = None,
        options: Options | None = None,
    ) -> io.NodeOutput:
        chosen, settings = settle(preset, seed, options)
        film, sound = Film(video, images, fps, audio), read_sound(audio_mode)
        result, report = dub_film(film, lines, sound, chosen, model, return_images, cls.hidden.unique_id)
        return result.output(f"{report}\n{settings}", cls.hidden.unique_id)
