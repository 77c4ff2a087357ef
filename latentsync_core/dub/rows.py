"""Make lines of what cue sheets of all formats hold: named values, as text or as JSON has them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_type_hints

from ..data import Line, speaker_of
from ..errors import CueError, InputError
from ..options import Options
from .clock import FilmClock
from .inside import find_inside


@dataclass(frozen=True)
class CueRow:
    """What a cue sheet says about one line, or, as number 0, what is wrong with the sheet itself."""

    number: int
    values: Mapping[str, Any]
    """By columns; those that are None or empty are as if they were not there."""
    troubles: tuple[str, ...] = ()
    """What was found wrong already."""


@dataclass(frozen=True)
class CueContext:
    """What the values of a cue sheet refer to."""

    clock: FilmClock
    folders: tuple[Path, ...]
    """Where files may lie: that of the sheet first."""


LINE_OPTIONS: dict[str, Any] = {
    name: kind for name, kind in get_type_hints(Options).items() if name not in ("length", "fps", "exact")
}
"""Options that may differ from line to line, and their types; the others are the whole film's."""


def make_line(row: CueRow, context: CueContext) -> Line | list[CueError]:
    """Make the line of a row, or, where anything in it cannot be used, say all that is wrong with it."""
    name = str(row.values.get("name") or row.number)
    found: dict[str, Any] = {"name": name, "options": {}}
    troubles = list(row.troubles)
    for column, value in _filled(row.values):
        try:
            if column in LINE_OPTIONS:
                found["options"][column] = _parse_option(column, value)
            elif column in _COLUMNS:
                field, parse = _COLUMNS[column]
                found[field] = parse(value, context)
            else:
                raise InputError(f"There is no such column; there are {', '.join(COLUMNS)}.")
        except InputError as exc:
            text = str(exc)
            troubles.append(text if text.startswith(column) else f"{column}: {text}")
    filled = dict(_filled(row.values))
    if row.number and not row.troubles:
        troubles += [f"{column} is missing; fill it in." for column in _REQUIRED if column not in filled]
    if not troubles and row.number:
        try:
            return Line(**found)
        except InputError as exc:
            troubles.append(str(exc))
    return [CueError(trouble, row.number, name if row.number else "") for trouble in troubles]


def _filled(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for column, value in values.items():
        value = value.strip() if isinstance(value, str) else value
        if value not in (None, ""):
            yield column, value


def _parse_name(value: Any, context: CueContext) -> str:
    text = str(value)
    if isinstance(value, (bool, float, list, dict)) or len(text) > 100 or not text.isprintable():
        raise InputError(f"A name takes a number or up to 100 letters, got {text[:40]!r}.")
    return text


def _parse_file(value: Any, context: CueContext) -> Path:
    path = _parse_path(value, context)
    if not path.is_file():
        raise InputError(f"{value} is a folder; name an audio file in it.")
    return path


def _parse_path(value: Any, context: CueContext) -> Path:
    if not isinstance(value, str):
        raise InputError(f"A file takes its name, got {value!r}.")
    return find_inside(value, context.folders)


def _parse_speaker(value: Any, context: CueContext) -> str | int | tuple[float, ...]:
    if isinstance(value, list):
        value = ",".join(map(str, value))
    return speaker_of(str(value))


def _parse_fit(value: Any, context: CueContext) -> bool:
    if not isinstance(value, (str, bool)):
        raise InputError(f"It takes true or false, got {str(value)[:40]!r}.")
    return _parse_yes(str(value))


def _parse_number(value: Any) -> float:
    try:
        if isinstance(value, bool):
            raise ValueError
        return float(value)
    except (TypeError, ValueError):
        raise InputError(f"It takes a number such as 0.5, got {str(value)[:40]!r}.") from None


def _parse_option(name: str, value: Any) -> Any:
    """Parse an option of `Options`; raises InputError on what it does not take."""
    kind = LINE_OPTIONS[name]
    if isinstance(value, str):
        value = _OPTION_PARSERS.get(kind, str)(value)
    Options.preset("balanced", **{name: value})
    return value


def _parse_whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise InputError(f"It takes a whole number, got {text[:40]!r}.") from None


def _parse_yes(text: str) -> bool:
    words = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
    if text.lower() not in words:
        raise InputError(f"It takes yes or no, got {text[:40]!r}.")
    return words[text.lower()]


_OPTION_PARSERS: dict[Any, Callable[[str], Any]] = {
    int: _parse_whole,
    bool: _parse_yes,
    float: _parse_number,
}

_COLUMNS: dict[str, tuple[str, Callable[[Any, CueContext], Any]]] = {
    "name": ("name", _parse_name),
    "audio": ("audio", _parse_file),
    "in": ("audio_in", lambda value, context: context.clock.length_of(value)),
    "out": ("audio_out", lambda value, context: context.clock.length_of(value)),
    "start": ("start", lambda value, context: context.clock.seconds_of(value)),
    "end": ("end", lambda value, context: context.clock.seconds_of(value)),
    "fit": ("fit", _parse_fit),
    "speaker": ("speaker", _parse_speaker),
    "at": ("speaker_at", lambda value, context: context.clock.seconds_of(value)),
    "strength": ("strength", lambda value, context: _parse_number(value)),
    "protect": ("protect", _parse_path),
}
_REQUIRED = ("audio", "start")

COLUMNS = (*_COLUMNS, *LINE_OPTIONS)
"""Of a cue sheet: a CSV's columns, and the keys of a line in JSON."""
