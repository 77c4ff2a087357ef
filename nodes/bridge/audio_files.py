"""Load audio from the files in ComfyUI's input folder."""

from __future__ import annotations

import os
from pathlib import Path

import folder_paths

from ...latentsync_core.data import Waveform
from ...latentsync_core.errors import InputError

SUFFIXES = tuple(
    ".aac .aif .aiff .avi .flac .m4a .m4v .mkv .mov .mp3 .mp4 .mpg .oga .ogg .opus .wav .webm .wma".split()
)
"""Files that the menu offers. ComfyUI's own filter asks Python for types, which may know only some of these."""


def list_names() -> list[str]:
    """Return the audio and video files of the input folder."""
    folder = folder_paths.get_input_directory()
    found = os.listdir(folder) if os.path.isdir(folder) else []
    return sorted(name for name in found if name.lower().endswith(SUFFIXES))


def find_problem(name: str) -> str | None:
    """Return why a file cannot be used; None if it can.

    A name that leads out of ComfyUI's folders counts as missing; ComfyUI 0.25 would follow it.
    """
    if folder_paths.exists_annotated_filepath(name):
        path = Path(folder_paths.get_annotated_filepath(name)).resolve()
        if any(path.is_relative_to(Path(folder).resolve()) for folder in _list_folders()):
            return None
    return f"{name!r} is not in the input folder; upload it, or choose another file."


def version_of(name: str) -> str:
    """Return a text that changes whenever the file does; "" while there is none."""
    if find_problem(name):
        return ""
    status = os.stat(folder_paths.get_annotated_filepath(name))
    return f"{status.st_mtime_ns} {status.st_size}"


def load(name: str, start: float, duration: float, lufs: float | None) -> Waveform:
    """Read a part of a file's audio (0 seconds: to its end), at a loudness if one is given; raises InputError."""
    from ...latentsync_core.media import normalize, read_audio

    if reason := find_problem(name):
        raise InputError(reason)
    waveform = read_audio(folder_paths.get_annotated_filepath(name), start, duration or None)
    return waveform if lufs is None else normalize(waveform, lufs)


def _list_folders() -> tuple[str, str, str]:
    """Return the folders of `a.wav`, `a.wav [output]` and `a.wav [temp]`."""
    return (
        folder_paths.get_input_directory(),
        folder_paths.get_output_directory(),
        folder_paths.get_temp_directory(),
    )
