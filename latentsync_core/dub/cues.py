"""Read a cue sheet: every line that can be used, and all that is wrong with the others, in one pass."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ..data import Line, pluralize
from ..errors import CueError, InputError
from ..media import measure_audio
from .clock import FilmClock
from .rows import CueContext, CueRow, make_line
from .subtitles import read_subtitles
from .tables import read_csv_cues, read_json_cues
from .timelines import TIMELINE_SUFFIXES, read_timeline

MAX_SHEET_BYTES = 8 * 2**20
"""A line takes about 100 bytes, a timeline of an editor 2000 a clip: this is more than any film has."""
MAX_LINES = 10_000

_ROUNDING = 0.1
"""Seconds that an out may lie beyond the audio: editors round to frames, encoders cut their padding."""

CUE_SUFFIXES = (".csv", ".json", ".srt", ".vtt", *TIMELINE_SUFFIXES)
"""Of the cue sheets that can be read."""


@dataclass(frozen=True)
class CueSheet:
    """The lines of a cue sheet, and what is wrong with those that are not among them."""

    lines: tuple[Line, ...]
    """In order of their start."""
    problems: tuple[CueError, ...]
    """In order of the sheet; a line may have several, those of number 0 are the sheet's."""

    def check(self) -> None:
        """Raise CueError with all problems where there are any."""
        if self.problems:
            count = pluralize(len(self.problems), "problem")
            raise CueError("\n  ".join([f"{count}; nothing was made.", *map(str, self.problems)]))


def read_cues(path: str | Path, clock: FilmClock | None = None, folder: str | Path | None = None) -> CueSheet:
    """Read a cue sheet: CSV, JSON, SRT, VTT, EDL, FCPXML or, with the extra `otio`, OTIO or FCP 7's XML.

    clock: the film's times, with which those of the sheet are compared. folder: where audio and masks may lie besides
    the sheet's own folder; nothing is read from elsewhere. Raises nothing on what a sheet may hold: see
    `CueSheet.problems`.
    """
    path, clock = Path(path), clock or FilmClock()
    folders = tuple(dict.fromkeys([path.absolute().parent, *([Path(folder).absolute()] if folder else [])]))
    context = CueContext(clock, folders)
    rows: list[CueRow] = []
    problems: list[CueError] = []
    try:
        for row in _read_rows(path, context):
            if len(rows) > MAX_LINES:
                raise InputError(f"It has more than {MAX_LINES} lines; split it.")
            rows.append(row)
    except InputError as exc:
        problems.append(CueError(str(exc)))
    lines = list(_make_lines(rows, context, problems))
    if not lines and not problems:
        problems.append(CueError("There is no line in it."))
    problems.sort(key=lambda problem: problem.number)
    return CueSheet(tuple(sorted(lines, key=lambda line: line.start)), tuple(problems))


def _read_rows(path: Path, context: CueContext) -> Iterator[CueRow]:
    text, suffix = _read_text(path), path.suffix.lower()
    readers: dict[str, Callable[[], Iterable[CueRow]]] = {
        ".csv": lambda: read_csv_cues(text),
        ".json": lambda: read_json_cues(text, context.clock),
        **dict.fromkeys(
            (".srt", ".vtt", *TIMELINE_SUFFIXES),
            lambda: read_subtitles(text, suffix[1:], context.folders[-1]),
        ),
        **dict.fromkeys(TIMELINE_SUFFIXES, lambda: read_timeline(text, suffix, context)),
    }
    yield from readers[suffix]()


def _read_text(path: Path) -> str:
    """Read a sheet whose suffix and size are checked; raises InputError."""
    if path.suffix.lower() not in CUE_SUFFIXES:
        raise InputError(f"A cue sheet ends in {', '.join(CUE_SUFFIXES)}; got {path.name}.")
    try:
        if path.stat().st_size > MAX_SHEET_BYTES:
            raise InputError(f"{path} has more than {MAX_SHEET_BYTES // 2**20} MiB, which is no cue sheet.")
        return path.read_text("utf-8-sig")
    except OSError as exc:
        raise InputError(f"{path} cannot be read: {exc.strerror}; check its name and permissions.") from exc
    except UnicodeDecodeError as exc:
        raise InputError(f"{path} is no text in UTF-8; save it as UTF-8 (of Excel: CSV UTF-8).") from exc


def _make_lines(rows: Iterable[CueRow], context: CueContext, problems: list[CueError]) -> Iterator[Line]:
    """Yield the lines that can be used, and add what is wrong with the others to `problems`."""
    names: dict[str, int] = {}
    lengths: dict[Path, float] = {}
    for row in rows:
        made = make_line(row, context)
        if not isinstance(made, Line):
            problems += made
            continue
        first = names.setdefault(made.name, row.number)
        try:
            if first != row.number:
                raise InputError(f"line {first} has the same name; give each its own.")
            _check_place(made, context.clock, _measure_end(made, lengths))
        except InputError as exc:
            problems.append(CueError(str(exc), row.number, made.name))
        else:
            yield made


def _measure_end(line: Line, lengths: dict[Path, float]) -> float:
    """Return where the used part of a line's audio ends, in seconds of it.

    lengths: of the files that were read already. Raises InputError where there is no audio between in and out.
    """
    path = Path(str(line.audio))
    if path not in lengths:
        lengths[path] = measure_audio(path)
    length = lengths[path]
    out = length if line.audio_out is None else line.audio_out
    if line.audio_in >= length or out > length + _ROUNDING:
        raise InputError(
            f"{path.name} has {length:.3f} seconds, and the line takes those from {line.audio_in:g} to {out:g}; "
            "correct in and out."
        )
    return min(out, length)


def _check_place(line: Line, clock: FilmClock, audio_end: float) -> None:
    """Check that a line lies within the film, if its length is known; its audio may last longer than its place."""
    if clock.duration is None:
        return
    end = line.start + audio_end - line.audio_in if line.end is None else line.end
    frame = _ROUNDING if clock.fps is None else float(1 / clock.fps)
    if line.start >= clock.duration or end > clock.duration + frame:
        raise InputError(
            f"It lasts from second {line.start:.3f} to {end:.3f}, and the film ends at {clock.duration:.3f}; correct "
            "its start, or shorten it by out or end."
        )
