"""The mouths of a dub as IMAGE before they are pasted, so that other nodes can work on them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

import comfy.model_management as mm
import numpy as np
import torch

from ...latentsync_core.data import Array, Line, pluralize
from ...latentsync_core.errors import InputError
from ...latentsync_core.options import Options
from ...latentsync_core.plan import DubPlan
from .devices import LoadedModel
from .film import Film, Result, hand_over, lay_lines, plan_film
from .progress import Reporter
from .run import Rendering
from .settings import Sound


@dataclass(frozen=True, eq=False)
class MadeMouths:
    """The value of a LATENTSYNC_MOUTHS link: all that pasting takes besides the IMAGE."""

    film: Film
    dub: DubPlan
    numbers: tuple[tuple[int, ...], ...]
    """For each frame of the result, the lines whose mouths it has."""
    mouths: Array
    """Shape (F, R, R, 3), 0..255, not clipped, in the order of `numbers`."""


def make_mouths_of(
    film: Film, lines: Sequence[Line], options: Options, loaded: LoadedModel | None, node_id: str | None
) -> tuple[torch.Tensor, MadeMouths, str]:
    """Make all mouths; return them as IMAGE (F, R, R, 3), what pastes them, and a report. Raises as `plan_film`."""
    from ...latentsync_core.pipeline import make_mouths

    with plan_film(film, lines, options, loaded, node_id) as planned:
        dub, side = planned.dub, planned.models.resolution
        count = sum(int((line.plan.strength > 0).sum()) for line in dub.lines)
        mouths = np.empty((count, side, side, 3), np.float32)
        numbers, places = list[tuple[int, ...]](), iter(mouths)
        with closing(make_mouths(dub, planned.models, progress=planned.reporter, work=planned.work)) as made:
            for new in made:
                numbers.append(tuple(new))
                for mouth in new.values():
                    next(places)[...] = mouth
        report = planned.report()
    images = torch.empty(mouths.shape, device=mm.intermediate_device())
    for i, mouth in enumerate(mouths):
        images[i] = torch.from_numpy(_to_image(mouth))
    return images, MadeMouths(film, dub, tuple(numbers), mouths), report


def paste_mouths_of(
    made: MadeMouths, images: torch.Tensor, sound: Sound, return_images: bool, node_id: str | None
) -> tuple[Result, str]:
    """Paste mouths into the film that they were made for; return the result and a report.

    images: (F, S, S, 3 or 4), of any side S. Raises InputError on others.
    """
    from ...latentsync_core.pipeline import paste_mouths

    _check_mouths(images, made)
    mask: deque[Array] = deque(maxlen=1)
    with made.film.open() as source:
        dub = replace(made.dub, clip=source.clip)
        frames = paste_mouths(dub, _read_mouths(images, made), masks=mask.append)
        shown = Reporter(node_id).follow("write", frames, len(dub))
        rendering = Rendering(dub, shown, mask)
        audio = lay_lines(dub, sound)
        result = hand_over(rendering, made.film, source, audio, return_images)
    own, side = made.mouths.shape[1], images.shape[1]
    report = f"{pluralize(len(images), 'mouth')} pasted, of {side} px; they were made at {own} px."
    return result, "\n".join([report, *map(str, dub.lines), *dub.notes])


def _check_mouths(images: torch.Tensor, made: MadeMouths) -> None:
    shape, count = tuple(getattr(images, "shape", ())), len(made.mouths)
    if len(shape) != 4 or shape[0] != count or shape[1] != shape[2] or shape[3] not in (3, 4):
        raise InputError(
            f"images takes the {count} mouths of LatentSync Make Mouths, each as wide as high, got shape {shape}."
        )


def _read_mouths(images: torch.Tensor, made: MadeMouths) -> Iterator[dict[int, Array]]:
    """Yield the mouths of each frame, (S, S, 3) in 0..255, by the number of their line."""
    mouths = map(_read_mouth, images, made.mouths)
    for numbers in made.numbers:
        yield {number: next(mouths) for number in numbers}


def _read_mouth(image: torch.Tensor, mouth: Array) -> Array:
    """Return a mouth that came back; pixels that nothing changed are as they were made, bit for bit."""
    pixels = image[..., :3].float().cpu().numpy()
    if pixels.shape != mouth.shape:
        return pixels * 255
    return np.where(pixels == _to_image(mouth), mouth, pixels * 255)


def _to_image(mouth: Array) -> Array:
    return np.clip(mouth / 255, 0, 1)
