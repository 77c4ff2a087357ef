"""Find the files that a cue sheet names, in its own folder and in no other place than the user says."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ..errors import InputError

AUDIO_SUFFIXES = frozenset(
    ".wav .mp3 .flac .m4a .aac .ogg .opus .aif .aiff .caf .mka .wma .mp4 .mov .mkv .webm".split()
)
"""Of the files that subtitles and markers may mean; a cue sheet may name any other."""

_LONGEST_NAME = 1000

_SHORTEST_START = 12
"""Letters of a text that suffice to name its file: dubbing tools cut long names."""
_CONTROL = re.compile(r"[\x00-\x1f]")
_NUMBER = re.compile(r"^(\d{1,9})(?!\d)|(?<!\d)(\d{1,9})$", re.ASCII)


def find_inside(name: str, folders: Sequence[Path]) -> Path:
    """Return the file or folder of that name in the first of `folders` that has it; none is left, also not by links.

    Backslashes separate folders too, as in sheets made on Windows. Raises InputError.
    """
    if not name or len(name) > _LONGEST_NAME or _CONTROL.search(name):
        raise InputError(f"{name[:40]!r} is no name of a file; write it relative to the cue sheet.")
    inside = False
    for folder in folders:
        root = folder.resolve()
        # Compared as text before the disk is asked: a name such as //server/x would make Windows log in there.
        path = Path(os.path.normpath(root / name.replace("\\", "/")))
        if not path.is_relative_to(root):
            continue
        inside = True
        if _exists(path):
            if path.resolve().is_relative_to(root):
                return path
            inside = False
    where = " or ".join(map(str, folders))
    if not inside:
        raise InputError(
            f"{name} lies outside of {where}; copy it there, and name it relative to the cue sheet."
        )
    raise InputError(f"{name} is not in {where}; check the name, or give the folder that has it.")


def find_media(url: str, folders: Sequence[Path]) -> Path:
    """Return the file of a timeline's media: where it says, if that is in one of the folders, else of the same name."""
    path = unquote(urlsplit(url).path) if url.startswith("file:") else url
    try:
        return find_inside(path, folders)
    except InputError:
        return find_inside(re.split(r"[/\\]", path)[-1], folders)


def find_numbered_audio(folder: Path, number: str, text: str) -> Path:
    """Return the audio file that is named by a line's number (`7`, `007`, `007_hello`, `line 7`) or by its text.

    Of a text letters and digits count; names may be cut after 12 of them. Raises InputError where there is none, or
    more than one.
    """
    files = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in AUDIO_SUFFIXES]
    for found in (
        [p for p in files if _has_number(p.stem, number)],
        [p for p in files if _says(p.stem, text)],
    ):
        if len(found) > 1:
            raise InputError(
                f"{found[0].name} and {found[1].name} may both be it; keep one of them in {folder}."
            )
        if found:
            return find_inside(found[0].name, [folder])
    raise InputError(
        f"No audio in {folder} is named by its number ({number}.wav) or its text ({_letters(text)[:40] or '-'}.wav)."
    )


def _exists(path: Path) -> bool:
    try:
        return path.is_file() or path.is_dir()
    except OSError:
        return False


def _has_number(stem: str, number: str) -> bool:
    if not number.isdecimal():
        return False
    numbers = [int(match[1] or match[2]) for match in _NUMBER.finditer(stem)]
    return int(number) in numbers[:1]


def _says(stem: str, text: str) -> bool:
    name, said = _letters(stem), _letters(text)
    return bool(name) and (name == said or (len(name) >= _SHORTEST_START and said.startswith(name)))


def _letters(text: str) -> str:
    """Return the letters and digits of a text, small, without marks: what file names keep of it."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    return "".join(letter for letter in plain if letter.isalnum())
