"""Arguments that several commands take."""

from __future__ import annotations

import argparse
from dataclasses import fields
from pathlib import Path
from typing import get_type_hints

from ..options import PRESETS, LengthMode, Options, SilencePolicy, choices_of
from ..pool import ModelSource, Workers
from ..weights import RELEASES, best_checkpoint
from ..weights.locate import NANO
from .values import parse_batch, parse_count, parse_devices, parse_fps, parse_speaker

ADVANCED = {
    "guided": "share of the steps that --guidance is used in, 0..1, from the last one; the others take half the time",
    "sampler": "dpm++ and unipc need about half the steps of ddim",
    "reuse": "run the whole network every so many steps only (DeepCache), 1..10; 1 is off, 3 as upstream",
    "overlap": "frames that neighbouring windows share and cross-fade, 0..8",
    "missing_face": "a frame without the face passes through (keep), stops the run (error), or gets the mouth at the "
    "place between those around it, for up to 1 s (hold)",
    "covered": "where a hand or a microphone hides the mouth, the video stays as it is (keep) or not (ignore)",
    "max_turn": "heads turned sideways by more degrees keep their mouth, 15..180; 180 is never",
    "feather": "soft edge around the new mouth, 0..0.5 of the side of the crop",
    "color_match": "bring the new mouth to the colours of the skin around it",
    "grain": "draw the source's grain over the new mouth; clean footage gets none",
}
"""Options that few people need, and their help texts."""


def add_inputs(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the video and the audio."""
    add_video(parser, "a video, or an image that shall talk")
    parser.add_argument(
        "audio", type=Path, metavar="AUDIO", help="the new speech: an audio file, or a video with audio"
    )
    parser.add_argument(
        "--fit",
        action=argparse.BooleanOptionalAction,
        default=False,
        help="bring the speech to the length of VIDEO, by its pauses and then by up to 10 %% of its tempo",
    )


def add_video(parser: argparse.ArgumentParser, text: str | None = None, metavar: str = "VIDEO") -> None:
    """Add the video, and how it is read."""
    parser.add_argument("video", type=Path, metavar=metavar, help=text)
    parser.add_argument(
        "--deinterlace",
        action=argparse.BooleanOptionalAction,
        default=False,
        help="take the combs out of interlaced frames (bwdif)",
    )


def add_protect(parser: argparse.ArgumentParser) -> None:
    """Add the masks of what stays on top of the new mouth."""
    parser.add_argument(
        "--protect",
        type=Path,
        metavar="MASKS",
        help="what lies before the face and stays, white on black: a video or a folder of images, one per frame of "
        "VIDEO, or one image for all",
    )


def add_range(parser: argparse.ArgumentParser) -> None:
    """Add the range in which mouths may change."""
    when = "seconds, 00:01:02.500, or the video's timecode 01:01:02:12"
    parser.add_argument("--from", dest="begin", metavar="TIME", help=f"mouths before this stay: {when}")
    parser.add_argument("--to", dest="end", metavar="TIME", help="mouths from here on stay")


def add_model(parser: argparse.ArgumentParser) -> None:
    """Add the checkpoint, and where and how it runs."""
    parser.add_argument(
        "--model",
        help="1.6, 1.5, a folder, or nano for drawn faces (default: the best for people on this machine)",
    )
    parser.add_argument("--resolution", type=int, help="side of the crop: 256 for 1.5, 512 for 1.6")
    parser.add_argument("--device", help="cuda, cuda:1, mps or cpu (default: the fastest there is)")
    parser.add_argument(
        "--dtype",
        help="fp32, fp16, bf16, or fp8: as by default, with the weights in half the memory of fp16 "
        "(default: fp16 on cuda, else fp32)",
    )
    parser.add_argument("--models-folder", type=Path, action="append", default=[], help="search here first")


def add_speed(parser: argparse.ArgumentParser) -> None:
    """Add how the denoiser uses its device."""
    parser.add_argument(
        "--batch",
        type=parse_batch,
        default=1,
        metavar="auto|N",
        help="windows denoised at once, 1..32, or auto: what fits a GPU; it changes low bits (default: 1)",
    )
    add_compile(parser)


def add_compile(parser: argparse.ArgumentParser) -> None:
    """Add whether the denoiser is compiled."""
    parser.add_argument(
        "--compile",
        action="store_true",
        help="compile the UNet (torch.compile), for long work on a GPU: the first window takes minutes",
    )


def add_encoder(parser: argparse.ArgumentParser) -> None:
    """Add how the result is encoded."""
    parser.add_argument(
        "--crf", type=int, default=18, help="quality of h264, 0..51, less is better (default: 18)"
    )
    parser.add_argument("--encoder-preset", default="medium", help="x264's speed, ultrafast..veryslow")
    parser.set_defaults(format="", timecode="", matte=None, patch=False, timeline=[])


def add_editing(parser: argparse.ArgumentParser) -> None:
    """Add what editors need of a result."""
    group = parser.add_argument_group("for editors", "See docs/dubbing.md.")
    group.add_argument(
        "--format",
        default="",
        metavar="NAME",
        help="of a .mov: prores422hq, prores4444 or dnxhr_hqx, in 10 bit",
    )
    group.add_argument(
        "--timecode", default="", help="of the video's first frame (default: what its file says)"
    )
    group.add_argument(
        "--matte", type=Path, metavar="FILE", help="write where the result is new, white on black, as a video"
    )
    group.add_argument(
        "--patch",
        action="store_true",
        help="OUT (.mov, lossless .mkv) holds the changed frames alone, with alpha, and timelines beside it lay them "
        "over the video",
    )
    group.add_argument(
        "--timeline",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="write a timeline with marks: .edl, .fcpxml, .otio or .xml (Final Cut Pro 7); repeatable",
    )


def add_options(parser: argparse.ArgumentParser, *, length: bool = True) -> None:
    """Add the preset, and the options that replace parts of it; length: whether the result may have another."""
    parser.add_argument(
        "--preset",
        default="balanced",
        choices=list(PRESETS),
        help="default: %(default)s; `exact` is upstream without DeepCache, with --reuse 3 as its script and page run",
    )
    parser.add_argument("--steps", type=int, help="denoising steps")
    parser.add_argument(
        "--guidance", type=float, help="weight of the speech, 1..10; 1.5 is usual, 1 is twice as fast"
    )
    parser.add_argument("--seed", type=int, help="the same seed gives the same result")
    if length:
        parser.add_argument(
            "--length",
            choices=choices_of(LengthMode),
            help="where video and speech differ in length (usual: longest)",
        )
    parser.add_argument(
        "--silence",
        choices=choices_of(SilencePolicy),
        help="what the mouth does while nobody speaks: follow the sound, stay the source's or rest",
    )
    parser.add_argument(
        "--fps", type=parse_fps, help="frame rate of the result (default: the video's own times)"
    )
    add_speaker(parser)
    _add_advanced(parser)


def add_workers(parser: argparse.ArgumentParser, what: str = "make windows") -> None:
    """Add who does the work, beside this process; what: it is, for the help."""
    group = parser.add_argument_group("several devices or machines", "See docs/scaling.md.")
    group.add_argument(
        "--devices",
        type=parse_devices,
        default=(),
        metavar="LIST",
        help=f"{what} in a process for each device of this machine, such as cuda:0,cuda:1",
    )
    group.add_argument(
        "--ray",
        nargs="?",
        const="",
        metavar="ADDRESS",
        help=f"{what} on a Ray cluster, such as 10.0.0.5:6379 (default: the one that this machine is part of)",
    )
    group.add_argument(
        "--workers",
        type=parse_count,
        metavar="N",
        help="of the cluster (default: one for each GPU, or machine)",
    )
    group.add_argument(
        "--mixed",
        action="store_true",
        help="take workers of unlike devices or versions, which changes low bits",
    )


def workers_of(args: argparse.Namespace) -> Workers:
    """Return who does the work, see `add_workers`; raises OptionError where arguments contradict each other."""
    return Workers(args.devices, args.ray, args.workers, args.mixed)


def model_source_of(args: argparse.Namespace) -> ModelSource:
    """Say what is loaded, in this process and by workers."""
    model = args.model or best_checkpoint(args.models_folder)
    return ModelSource(
        name_elsewhere(model),
        args.resolution,
        args.dtype,
        folders_elsewhere(args),
        args.batch,
        args.compile,
    )


def name_elsewhere(model: str) -> str:
    """Name a checkpoint so that a worker finds it, whatever folder it runs in."""
    return model if model in (NANO, *RELEASES) else str(Path(model).resolve())


def folders_elsewhere(args: argparse.Namespace) -> tuple[str, ...]:
    """Name the folders of `--models-folder` likewise."""
    return tuple(str(folder.resolve()) for folder in args.models_folder)


def add_speaker(parser: argparse.ArgumentParser) -> None:
    """Add the choice of the person whose mouth it is."""
    parser.add_argument(
        "--speaker",
        type=parse_speaker,
        default="auto",
        help="auto (who speaks in each scene by the video's own audio, else as largest; for people best after "
        "`weights get 1.6 --syncnet`), largest, left, right, a number (see `faces`), 1+3 where those two are one, a "
        "point X,Y or a box X0,Y0,X1,Y1",
    )


def _add_advanced(parser: argparse.ArgumentParser) -> None:
    """Add an argument for each of the options in ADVANCED, of the type of its field."""
    group = parser.add_argument_group("advanced", "What is left out is decided by the preset.")
    for name, kind in get_type_hints(Options).items():
        if name not in ADVANCED:
            continue
        flag, text = f"--{name.replace('_', '-')}", ADVANCED[name]
        if kind is bool:
            group.add_argument(flag, action=argparse.BooleanOptionalAction, help=text)
        elif choices := choices_of(kind):
            group.add_argument(flag, choices=choices, help=text)
        else:
            group.add_argument(flag, type=kind, help=text)


def options_of(args: argparse.Namespace) -> Options:
    """Return the preset with the options of the command line in place of its own."""
    names = [field.name for field in fields(Options)]
    return Options.preset(args.preset, **{n: v for n in names if (v := getattr(args, n, None)) is not None})
