"""Measure synchrony, and plot it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import comfy.model_management as mm
import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from ...latentsync_core.data import FaceTrack, Waveform
from ...latentsync_core.errors import InputError
from . import checkpoints, devices
from .media import Source, images_of, waveform_of
from .progress import Reporter
from .temp import keep_results

if TYPE_CHECKING:
    from ...latentsync_core.metrics import Score, SyncCurve

WIDTH, HEIGHT = 768, 400

LEFT, RIGHT, TOP, BOTTOM = 70, 20, 40, 60
"""Margins of the plot, in pixels."""
LEAST_RANGE = 0.2
"""Smallest range of the axis of cosines: a smaller one would make noise look like a peak."""
INK, GRID, LINE, BEST = "#202020", "#d8d8d8", "#1f77b4", "#d62728"


def audio_of(source: Source, audio: Mapping[str, Any] | None) -> Waveform:
    """Return the audio to evaluate: the connected one, else the clip's own; raises InputError without any."""
    if audio is not None:
        return waveform_of(audio)
    if source.audio is None:
        raise InputError("The clip has no audio of its own; connect audio.")
    return source.audio


def measure(
    source: Source,
    audio: Mapping[str, Any] | None,
    model: str,
    speaker: FaceTrack | None,
    node_id: str | None,
) -> Score:
    """Measure how well mouth and audio fit, by the SyncNet of a checkpoint; raises the library's errors."""
    from ...latentsync_core.metrics import score
    from ...latentsync_core.speakers import find_face
    from ...latentsync_core.weights import load_syncnet

    audio, reporter = audio_of(source, audio), Reporter(node_id, last="look")
    syncnet = load_syncnet(checkpoints.fetch_evaluator(model, reporter))
    with keep_results() as work, devices.on_device(syncnet):
        track = speaker or find_face(
            source.clip, "largest", device=str(mm.get_torch_device()), progress=reporter, work=work
        )
        return score(source.clip, audio, syncnet, track=track, progress=reporter)


def plot(curve: SyncCurve) -> torch.Tensor:
    """Plot the cosine for every shift of the audio, as an IMAGE (1, 400, 768, 3)."""
    image = Image.new("RGB", (WIDTH, HEIGHT), "white")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(15)
    reach, values = curve.reach, curve.cosines
    low, high = float(values.min()), float(values.max())
    room = max(0.05 * (high - low), (LEAST_RANGE - (high - low)) / 2)
    low, high = low - room, high + room

    def x(offset: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (offset + reach) / (2 * reach)

    def y(value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (high - value) / (high - low)

    for value in np.linspace(low, high, 5).tolist():
        draw.line([x(-reach), y(value), x(reach), y(value)], GRID)
        draw.text((LEFT - 8, y(value)), f"{value:.2f}", INK, font, anchor="rm")
    for offset in range(-(reach // 5) * 5, reach + 1, 5):
        draw.line([x(offset), TOP, x(offset), HEIGHT - BOTTOM], GRID)
        draw.text((x(offset), HEIGHT - BOTTOM + 8), f"{offset:+d}" if offset else "0", INK, font, anchor="ma")
    if curve.sure:
        draw.line([x(curve.offset), TOP, x(curve.offset), HEIGHT - BOTTOM], BEST, 2)
    points = [
        (x(offset), y(value)) for offset, value in zip(curve.offsets.tolist(), values.tolist(), strict=True)
    ]
    draw.line(points, LINE, 3, joint="curve")
    for px, py in points:
        draw.ellipse([px - 4, py - 4, px + 4, py + 4], LINE)
    draw.text((WIDTH / 2, TOP / 2), curve.title, INK, ImageFont.load_default(18), anchor="mm")
    below = "shift of the audio in frames of 1/25 s (positive: to later); height: cosine of mouth and audio"
    draw.text((WIDTH / 2, HEIGHT - 16), below, INK, font, anchor="mm")
    return images_of([np.asarray(image)])
