"""Subtitles (SRT, WebVTT) as cue sheets: the times are theirs, the audio is a folder of files, one for each line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pysubs2

from ..data import speaker_of
from ..errors import InputError, OptionError
from .inside import find_numbered_audio
from .rows import CueRow

_CUE = re.compile(r"^(?:(?P<label>[^\n]*)\n)?(?P<times>[^\n]*-->[^\n]*)", re.MULTILINE)
"""The first lines of a cue: its number or name, if it has one, and its times."""
_SPEAKER = re.compile(r"\[([^\]\n]{1,40})\]\s*")


def read_subtitles(text: str, form: str, folder: Path) -> Iterator[CueRow]:
    """Yield the cues of subtitles; form: `srt` or `vtt`. `[2]` before a text says who speaks, as `speaker` does.

    The audio of a cue is the file in `folder` that is named by its number or its text.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    cues = list(_CUE.finditer(text))
    parts = pairwise([*(cue.start() for cue in cues), len(text)])
    for number, (cue, (_, end)) in enumerate(zip(cues, parts, strict=True), 1):
        label = (cue["label"] or "").strip()
        # One by one: of a whole file, pysubs2 keeps no numbers, and takes a line whose times it cannot read for text.
        block = text[cue.start("times") : end]
        events = pysubs2.SSAFile.from_string(block, format_=form)
        if len(events) != 1:
            times = cue["times"][:60]
            trouble = f"Its times cannot be read: {times!r}; write 00:00:01,000 --> 00:00:02,500."
            yield CueRow(number, {"name": label}, (trouble,))
            continue
        yield _make_row(number, label or str(number), events[0], folder)


def _make_row(number: int, label: str, event: pysubs2.SSAEvent, folder: Path) -> CueRow:
    speaker, said = _split_speaker(event.plaintext)
    values = {"name": label[:100], "start": event.start / 1000, "end": event.end / 1000, "speaker": speaker}
    try:
        audio = find_numbered_audio(folder, label, said)
    except InputError as exc:
        return CueRow(number, values, (str(exc),))
    return CueRow(number, values | {"audio": audio.name})


def _split_speaker(text: str) -> tuple[str, str]:
    """Split `[2] Hello` into who speaks, empty where nobody is named, and what is said."""
    match = _SPEAKER.match(text)
    if match is None:
        return "", text
    try:
        speaker_of(match[1])
    except OptionError:
        return "", text
    return match[1], text[match.end() :]
