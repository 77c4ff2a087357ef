"""The hosted models that take an audio and a video, and their known prices and limits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from ..errors import OptionError

DEFAULT_MODEL = "bytedance/latentsync"
_MODEL_ID = re.compile(r"[a-z0-9][a-z0-9._-]*(/[a-z0-9][a-z0-9._-]*){1,4}")
_SYNC_MODES = {"sync_mode": ("cut_off", "loop", "bounce", "silence", "remap")}


@dataclass(frozen=True)
class Model:
    """A model on WaveSpeed whose inputs are `audio` and `video`."""

    id: str
    block_usd: Decimal | None = None
    """Published price of 5 seconds; None where none was found: then only the price call gives one."""
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Further parameters and their values; the first is the default."""
    seconds: tuple[float, float] = (0.0, float("inf"))
    """Shortest and longest audio and video that are accepted, where that is published."""


_FIFTEEN_CENTS = Decimal("0.15")

MODELS: dict[str, Model] = {
    model.id: model
    for model in (
        Model(DEFAULT_MODEL, _FIFTEEN_CENTS),
        Model("wavespeed-ai/latentsync"),
        Model("bytedance/lipsync/audio-to-video"),
        Model("veed/lipsync", _FIFTEEN_CENTS),
        Model("veed/lipsync-v2"),
        Model("sync/lipsync-3", choices=_SYNC_MODES),
        Model("sync/lipsync-1.9.0-beta", choices=_SYNC_MODES),
        Model("kwaivgi/kling-lipsync/audio-to-video", seconds=(2.0, 10.0)),
    )
}
"""Models whose inputs are documented to be the same as those of the first."""


def find_model(name: str) -> Model:
    """Return a model of the table, or one of any other well-formed id; raises OptionError."""
    if not _MODEL_ID.fullmatch(name):
        raise OptionError(
            f"A model id looks like {DEFAULT_MODEL} (lower case, 2 to 5 parts), got {name[:100]!r}."
        )
    return MODELS.get(name, Model(name))
