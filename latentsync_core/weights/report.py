"""List the checkpoints there are, for `weights list` and for a node's menu."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import WeightsMismatchError, WeightsMissingError
from .catalogue import RELEASES
from .locate import NANO, Parts, default_folders, find_parts, find_unets, release_of
from .manifest import Manifest


@dataclass(frozen=True)
class CheckpointRow:
    """One checkpoint, complete or not."""

    source: str
    """What `load_models` takes: `nano`, `1.5`, `1.6` or a folder."""
    folder: Path | None
    """Where its UNet is; None if there is none."""
    size: int
    """Bytes of the files found."""
    missing: tuple[str, ...]
    """Published paths of the files that were not found."""
    faces: str | None = None
    """What faces it was made for; None is those of people."""

    @property
    def complete(self) -> bool:
        return not self.missing


def list_checkpoints(folders: Sequence[str | Path] = ()) -> list[CheckpointRow]:
    """List every known checkpoint: the bundled one, the releases, and others in `folders` and the default ones."""
    rows = [_make_row(source, find_parts(source, folders)) for source in (NANO, *RELEASES)]
    known = {row.folder for row in rows}
    for unet in find_unets([*map(Path, folders), *default_folders()]):
        if unet.parent not in known and release_of(unet) is None:
            rows.append(_make_row(str(unet.parent), find_parts(unet.parent, folders)))
            known.add(unet.parent)
    return rows


def best_checkpoint(folders: Sequence[str | Path] = ()) -> str:
    """Return the source (see `load_models`) of the best checkpoint for people here: see `rank_checkpoints`.

    Raises WeightsMissingError where there is none: the bundled one is never taken in its place.
    """
    for row in rank_checkpoints(list_checkpoints(folders)):
        return row.source
    searched = ", ".join(map(str, [*folders, *default_folders()]))
    raise WeightsMissingError(
        f"There is no LatentSync checkpoint on this machine (looked in {searched}). Fetch one (5 GB) with "
        f"`python -m latentsync_core weights get 1.6`, or try things out with `--model {NANO}`, a test model that "
        "knows drawn faces only."
    )


def rank_checkpoints(rows: Iterable[CheckpointRow]) -> list[CheckpointRow]:
    """Sort the complete checkpoints for faces of people: releases from new to old, then others as they come."""
    usable = [row for row in rows if row.complete and row.faces is None]
    newest = list(reversed(RELEASES))
    return sorted(usable, key=lambda row: newest.index(row.source) if row.source in newest else len(newest))


def _make_row(source: str, parts: Parts) -> CheckpointRow:
    found = [path for path in (parts.unet, parts.whisper, parts.vae) if path]
    home, size = parts.unet.parent if parts.unet else None, sum(map(_count_bytes, found))
    return CheckpointRow(source, home, size, parts.missing, _read_faces(home) if home else None)


def _read_faces(home: Path) -> str | None:
    try:
        return Manifest.read(home).faces
    except WeightsMismatchError:  # one damaged file must not hide the list; loading it raises
        return None


def _count_bytes(path: Path) -> int:
    files = path.iterdir() if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())
