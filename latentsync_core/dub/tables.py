"""Cue sheets as tables: CSV, and JSON with the same columns."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from ..errors import InputError
from ..media.timecode import timecode_rate
from .clock import FilmClock
from .rows import COLUMNS, CueRow

_RATE = re.compile(r"\d{1,6}(\.\d{0,9}|/0*[1-9]\d{0,6})?", re.ASCII)
_JSON_FORM = "write an object with `lines`, a list of objects of columns and values"


def read_csv_cues(text: str) -> Iterator[CueRow]:
    """Yield the rows of a CSV with a line of column names; commas, semicolons or tabs separate.

    Raises InputError where it is no table.
    """
    lines = text.splitlines(keepends=True)
    header = next(csv.reader(lines[:1], delimiter=_find_delimiter(lines)), [])
    names = [name.strip().lower() for name in header]
    unknown = [name for name in names if name not in COLUMNS]
    if len(unknown) == len(names):
        raise InputError(f"Its first line names no column; it takes {', '.join(COLUMNS)}.")
    if unknown:
        listed = ", ".join(map(repr, unknown))[:100]
        yield CueRow(0, {}, (f"There are no columns {listed}; there are {', '.join(COLUMNS)}.",))
    if twice := sorted({name for name in names if names.count(name) > 1}):
        yield CueRow(0, {}, (f"There are two columns {', '.join(twice)}; keep one of each.",))
    number = 0
    try:
        for cells in csv.reader(lines[1:], delimiter=_find_delimiter(lines), strict=True):
            if not any(cell.strip() for cell in cells):
                continue
            number += 1
            more = (f"It has {len(cells)} cells for {len(names)} columns; put quotation marks around what "
                    "contains the separator.",)  # fmt: skip
            values = {name: cell for name, cell in zip(names, cells, strict=False) if name in COLUMNS}
            yield CueRow(number, values, more if len(cells) > len(names) else ())
    except csv.Error as exc:
        raise InputError(
            f"After line {number} it is no CSV any more ({exc}); save it again as CSV, in UTF-8."
        ) from exc


def read_json_cues(text: str, clock: FilmClock) -> Iterator[CueRow]:
    """Yield the lines of a JSON sheet: a list of objects, or an object with `lines` and, if wanted, `fps`.

    Raises InputError where it is another thing.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise InputError(f"It is no JSON ({str(exc)[:100]}); {_JSON_FORM}.") from exc
    lines = content.get("lines") if isinstance(content, dict) else content
    if not isinstance(lines, list):
        raise InputError(f"It has no list of lines; {_JSON_FORM}.")
    if isinstance(content, dict):
        yield from (CueRow(0, {}, (trouble,)) for trouble in _check_head(content, clock))
    for number, line in enumerate(lines, 1):
        if isinstance(line, dict):
            yield CueRow(number, line)
        else:
            yield CueRow(
                number, {}, (f"A line takes an object of columns and values, got {str(line)[:40]}.",)
            )


def compare_rates(rate: Fraction, clock: FilmClock) -> str:
    """Say that a sheet counts frames otherwise than the film; empty where it does not."""
    if clock.fps is None or rate == clock.fps:
        return ""
    return (
        f"It counts {float(rate):.6g} frames a second, the film has {float(clock.fps):.6g}: its times would drift. "
        "Export it again at the film's rate, or convert the film."
    )


def _check_head(content: dict[str, Any], clock: FilmClock) -> Iterator[str]:
    if unknown := sorted(set(content) - {"lines", "fps"}):
        yield f"It takes lines and fps, got {', '.join(unknown)[:100]}."
    if "fps" in content:
        try:
            yield from filter(None, [compare_rates(_parse_rate(str(content["fps"])), clock)])
        except InputError as exc:
            yield str(exc)


def _parse_rate(text: str) -> Fraction:
    if not _RATE.fullmatch(text):
        raise InputError(f"fps takes a rate such as 25, 23.976 or '24000/1001', got {text[:40]!r}.")
    return timecode_rate(Fraction(text))


def _find_delimiter(lines: list[str]) -> str:
    return max(",;\t", key=lines[0].count) if lines else ","
