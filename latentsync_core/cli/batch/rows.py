"""Read the jobs of a batch: a CSV or JSONL file, standard input, or a folder of pairs."""

from __future__ import annotations

import csv
import itertools
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...dub import CUE_SUFFIXES
from ...errors import InputError

PAIR_AUDIO = (".wav", ".flac", ".mp3", ".m4a", ".aac", ".ogg", ".opus")

VIDEO_SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mxf")

PAIR_VIDEO = (*VIDEO_SUFFIXES, ".png", ".jpg", ".jpeg")
"""Of what may be paired with an audio file; other files of a folder are not looked at."""


@dataclass(frozen=True)
class Row:
    """One job as it was given."""

    number: int
    """From 1 on."""
    values: dict[str, str]
    """By column: `video`, `audio` or `cues`, perhaps `output`, and options of `sync` or `dub` without their dashes; ""
    is not given."""
    problem: str = ""
    """Why it cannot be read; "" if it can."""


def read_rows(source: Path) -> Iterator[Row]:
    """Yield the jobs of a file, or of the pairs in a folder; raises InputError where there is neither."""
    if source.is_dir():
        yield from _pair_up(source)
        return
    try:
        with source.open(encoding="utf-8-sig", newline="") as lines:
            yield from parse_rows(lines)
    except (OSError, UnicodeDecodeError) as exc:
        raise InputError(f"{source} cannot be read as a list of jobs: {exc}.") from exc


def parse_rows(lines: Iterable[str]) -> Iterator[Row]:
    """Yield the jobs in lines of JSON objects, or of CSV with a header, one at a time as they come."""
    lines = iter(lines)
    first = next((line for line in lines if line.strip()), "")
    parse = _parse_json if first.lstrip().startswith("{") else _parse_csv
    return parse(itertools.chain([first], lines))


def _parse_json(lines: Iterable[str]) -> Iterator[Row]:
    for number, line in enumerate((line for line in lines if line.strip()), 1):
        try:
            content = json.loads(line)
        except ValueError as exc:
            yield Row(number, {}, f"It is no JSON: {exc}.")
            continue
        if isinstance(content, dict):
            yield Row(number, {name: _to_text(value) for name, value in content.items()})
        else:
            yield Row(
                number,
                {},
                f"A row takes an object with a video and an audio or cues, got {line.strip()[:80]}.",
            )


def _parse_csv(lines: Iterable[str]) -> Iterator[Row]:
    reader = csv.reader(lines, skipinitialspace=True)
    columns = [name.strip() for name in next(reader, [])]
    if "video" not in columns or not {"audio", "cues"}.intersection(columns):
        raise InputError(
            "A list of jobs begins with the names of its columns, video and audio or cues among them, or with a JSON "
            f"object; got {', '.join(columns)[:80] or 'nothing'}."
        )
    rows = (cells for cells in reader if any(cell.strip() for cell in cells))
    for number, cells in enumerate(rows, 1):
        values = {name: cell.strip() for name, cell in zip(columns, cells, strict=False)}
        fits = len(cells) <= len(columns)
        yield Row(
            number,
            values,
            "" if fits else f"It has {len(cells)} values, and there are {len(columns)} columns.",
        )


def _to_text(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _pair_up(folder: Path) -> Iterator[Row]:
    """Yield a job for each name that a video, or an image, has in common with an audio file, else with a cue sheet."""
    files = sorted(
        (path for path in folder.iterdir() if path.name[0] != "."), key=lambda path: (path.stem, path.suffix)
    )
    number = 0
    for stem, group in itertools.groupby(files, lambda path: path.stem):
        paths = list(group)
        video, audio, cues = (
            [path.name for path in paths if path.suffix.lower() in suffixes]
            for suffixes in (PAIR_VIDEO, PAIR_AUDIO, CUE_SUFFIXES)
        )
        if not video and not audio:
            continue
        number += 1
        kind, said = ("cues", cues) if cues and video and not audio else ("audio", audio)
        values = {"video": next(iter(video), ""), kind: next(iter(said), "")}
        counts = f"{len(video)}, {len(audio)} and {len(cues)}"
        problem = f"A pair is one video and one audio, or one cue sheet; {stem} has {counts}."
        yield Row(number, values, "" if len(video) == len(said) == 1 else problem)
