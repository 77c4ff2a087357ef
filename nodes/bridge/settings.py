"""The options of a run, of the widgets that several nodes have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from ...latentsync_core.data import Clip
from ...latentsync_core.options import Options
from .media import pick_option

if TYPE_CHECKING:
    from ...latentsync_core.media import MixMode

AUDIO_MODES: tuple[MixMode, ...] = ("replace", "mix", "duck")
"""In the order of menus; see `media.mix`."""


@dataclass(frozen=True)
class Sound:
    """What becomes of the original audio under the new one; see `media.mix`."""

    mode: MixMode
    duck_db: float


def read_sound(audio_mode: Mapping[str, Any] | None) -> Sound:
    """Return what the menu of audio modes says; raises OptionError."""
    mode, given = pick_option("audio_mode", audio_mode, AUDIO_MODES)
    return Sound(mode, given.get("duck_db", 0.0))


def settle(preset: str, seed: int, options: Options | None) -> tuple[Options, str]:
    """Return the preset, or the options in its place, and a line for a report that says which; raises OptionError.

    The seed is always the node's.
    """
    chosen = replace(options, seed=seed) if options else Options.preset(preset, seed=seed)
    source = "LatentSync Options, not the preset of this node" if options else f"preset {preset}"
    return chosen, f"settings: {source}; seed {seed}"


_OF_THE_FILM = ("length", "fps", "seed")
"""Options that are the same for all lines, and the seed, which a line has a widget for."""


def options_of_line(options: Options | None, seed: int) -> dict[str, Any]:
    """Return the options in which a line differs from the others; seed: below 0 that of the film."""
    own = {} if options is None else asdict(options)
    own = {name: value for name, value in own.items() if name not in _OF_THE_FILM}
    return own if seed < 0 else own | {"seed": seed}


def read_range(clip: Clip, start: str, end: str) -> tuple[float, float] | None:
    """Return the seconds between which mouths may change, None for all; raises InputError on what is no time."""
    from ...latentsync_core.dub import parse_range

    return parse_range(clip, start.strip() or None, end.strip() or None)
