"""A row of a batch as the arguments of `sync` or `dub`, and the hash by which it is known again."""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Iterator
from copy import copy
from pathlib import Path
from typing import NoReturn

from ...errors import InputError, OptionError, OutputError
from ..dub_parser import add_cues
from ..dubbing import DubSources
from ..inputs import add_encoder, add_inputs, add_options, add_protect, add_range
from .rows import Row

_FILES = ("video", "audio", "cues", "protect")
"""Columns that name what a result is made of, relative to the folder of the list."""

_PATHS = (*_FILES, "audio_folder")

_COMMON = ("model", "resolution", "dtype")
"""Arguments of the command that change every result."""
_CHUNK = 1 << 20


class RowParser(argparse.ArgumentParser):
    """Parses a row; raises OptionError where argparse would end the process."""

    def __init__(self, dub: bool) -> None:
        """dub: whether it is a row with a cue sheet."""
        super().__init__(prog="", add_help=False, allow_abbrev=False)
        (add_cues if dub else add_inputs)(self)
        self.add_argument("output", type=Path)
        add_options(self, length=not dub)
        if not dub:
            add_protect(self)
            add_range(self)
        add_encoder(self)

    def error(self, message: str) -> NoReturn:
        raise OptionError(f"{message[:1].upper()}{message[1:]}.")


def arguments_of(row: Row, folder: Path, args: argparse.Namespace) -> argparse.Namespace:
    """Return the arguments of `sync`, or of `dub`, for a row; what it leaves out is as the command has it.

    folder: that files are relative to. Raises InputError where the row is no job, and OutputError where its result
    would lie outside of `args.output`.
    """
    if row.problem:
        raise InputError(row.problem)
    values = {name: value for name, value in row.values.items() if value}
    if "video" not in values:
        raise InputError("The row has no video.")
    if ("audio" in values) == ("cues" in values):
        got = "both" if "audio" in values else "no audio and no cues"
        raise InputError(f"A row has audio, or cues for a dub; this one has {got}.")
    values |= {name: str(folder / values[name]) for name in _PATHS if name in values}
    kind = "cues" if "cues" in values else "audio"
    video, said = values.pop("video"), values.pop(kind)
    output = _place(values.pop("output", "") or _name_result(Path(video), Path(said)), args.output)
    given = [_to_argument(name, value) for name, value in values.items()]
    parsed = RowParser(kind == "cues").parse_args([*given, "--", video, said, str(output)], copy(args))
    parsed.report = output.with_name(f"{output.name}.report.json")
    return parsed


def is_dub(args: argparse.Namespace) -> bool:
    """Tell whether the arguments of a row are those of `dub`."""
    return "cues" in args


def hash_job(args: argparse.Namespace) -> str:
    """Hash what a result depends on, options and contents of files: 32 hex digits.

    Raises InputError, and CueError where a line of its cue sheet cannot be used.
    """
    names = set(vars(RowParser(is_dub(args)).parse_args(["video", "said", "output"]))) - {*_PATHS, "output"}
    options = {name: getattr(args, name) for name in sorted(names.union(_COMMON))}
    digest = hashlib.sha256(json.dumps(options, default=str).encode())
    for name, path in _list_inputs(args):
        for file in sorted(path.iterdir()) if path.is_dir() else (path,):
            digest.update(name.encode() + _hash_file(file))
    return digest.hexdigest()[:32]


def _list_inputs(args: argparse.Namespace) -> Iterator[tuple[str, Path]]:
    """Yield what a result is made of, files and folders, by what each is to it."""
    for name in _FILES:
        if (path := getattr(args, name, None)) is not None:
            yield name, path
    if is_dub(args):
        sources = DubSources.open(args)
        sources.check()
        for line in sources.lines:
            yield "audio", Path(str(line.audio))
            if line.protect is not None:
                yield "protect", Path(str(line.protect))


def is_finished(args: argparse.Namespace) -> bool:
    """Tell whether the result is there, with the report of this very job."""
    try:
        report = json.loads(args.report.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(report, dict) and report.get("job") == args.job and args.output.exists()


def _hash_file(path: Path) -> bytes:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    except OSError as exc:
        raise InputError(f"{path} cannot be read: {exc.strerror}.") from exc
    return digest.digest()


def _to_argument(name: str, value: str) -> str:
    flag = name.replace("_", "-")
    return {"true": f"--{flag}", "false": f"--no-{flag}"}.get(value.lower(), f"--{flag}={value}")


def _name_result(video: Path, said: Path) -> str:
    return f"{video.stem}.mp4" if video.stem == said.stem else f"{video.stem}_{said.stem}.mp4"


def _place(name: str, folder: Path) -> Path:
    path = folder / name
    if folder.resolve() not in path.resolve().parents:
        raise OutputError(f"A result lies in {folder}; {name} does not.")
    return path
