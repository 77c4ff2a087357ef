"""`score VIDEO [AUDIO]`; `score FOLDER` is in `score_folder`."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..errors import OptionError
from ..media import FileClip, read_audio
from ..metrics import Score, score
from ..speakers import find_face
from ..weights import find_syncnet, load_clip_encoder, load_syncnet
from ..weights.place import pick_device
from .inputs import workers_of
from .outputs import check_plot, check_report, write_json
from .progress import progress_bars
from .score_folder import score_folder


def score_what(args: argparse.Namespace) -> int | None:
    """Score a video, or all those of a folder; return the exit code, as of `cli.run`."""
    if args.video.is_dir():
        return score_folder(args)
    if workers_of(args):
        raise OptionError(f"--devices and --ray share the videos of a folder; {args.video} is none.")
    score_clip(args)
    return None


def score_clip(args: argparse.Namespace) -> None:
    """Print how well mouth and audio fit; write the figures and draw them where that was asked for."""
    inputs = [path for path in (args.video, args.audio, args.against) if path]
    if args.videomae and not args.against:
        raise OptionError("--videomae compares the video with another one; name it with --against.")
    if args.plot:
        check_plot(args.plot, *inputs)
    if args.json:
        check_report(args.json, *inputs, *([args.plot] if args.plot else []))
    device = pick_device(args.device)
    syncnet = load_syncnet(find_syncnet(args.model, args.models_folder)).to(device)
    encoder = load_clip_encoder(args.videomae).to(device) if args.videomae else None
    clip, audio = FileClip(args.video, deinterlace=args.deinterlace), read_audio(args.audio or args.video)
    against = FileClip(args.against) if args.against else None
    with progress_bars() as progress:
        track = find_face(clip, args.speaker, device=str(device), progress=progress)
        measured = score(
            clip, audio, syncnet, against=against, clip_encoder=encoder, track=track, progress=progress
        )
    if args.json:
        names = {"video": str(args.video), "audio": str(args.audio or args.video), "model": str(args.model)}
        write_json(args.json, names | measured.to_json())
    if args.plot:
        draw(measured, args.plot)
    print(measured)


def draw(measured: Score, path: Path) -> None:
    """Draw the curve, and below it the mouth opening and the audio level over time, as a PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 6), constrained_layout=True)
    FigureCanvasAgg(figure)
    top, bottom = figure.subplots(2, 1)
    curve = measured.curve
    top.plot(curve.offsets, curve.cosines, marker=".")
    if curve.sure:
        top.axvline(curve.offset, color="tab:red", linewidth=1)
    top.set(
        title=curve.title,
        xlabel="shift of the audio, frames of 1/25 s (positive: the audio is moved to later)",
        ylabel="cosine of mouth and audio",
    )
    bottom.plot(measured.times, measured.opening, color="tab:blue")
    bottom.set(xlabel="seconds", ylabel="mouth opening over face height", ylim=(0, None))
    bottom.yaxis.label.set_color("tab:blue")
    loud = bottom.twinx()
    loud.plot(measured.times, measured.level.clip(min=-70), color="tab:orange", linewidth=1)
    loud.set(ylabel="level of the audio, dB", ylim=(-72, 0))
    loud.yaxis.label.set_color("tab:orange")
    figure.savefig(path, dpi=100)
