"""What checkpoints there are, for `weights list` and for a node's menu."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .catalogue import RELEASES
from .locate import NANO, Parts, default_folders, find_parts, release_of, unets_in


@dataclass(frozen=True)
class Row:
    """One checkpoint, complete or not."""

    source: str
    """What `load_models` takes: `nano`, `1.5`, `1.6` or a folder."""
    folder: Path | None
    """Where its UNet is; None if there is none."""
    size: int
    """Bytes of the files found."""
    missing: tuple[str, ...]
    """Published paths of the files that were not found."""

    @property
    def complete(self) -> bool:
        return not self.missing


def report(folders: Sequence[str | Path] = ()) -> list[Row]:
    """Every known checkpoint: the bundled one, the releases, and all others in `folders` and the default ones."""
    rows = [_row(source, find_parts(source, folders)) for source in (NANO, *RELEASES)]
    known = {row.folder for row in rows}
    for unet in unets_in([*map(Path, folders), *default_folders()]):
        if unet.parent not in known and release_of(unet) is None:
            rows.append(_row(str(unet.parent), find_parts(unet.parent, folders)))
            known.add(unet.parent)
    return rows


def _row(source: str, parts: Parts) -> Row:
    found = [path for path in (parts.unet, parts.whisper, parts.vae) if path]
    return Row(source, parts.unet.parent if parts.unet else None, sum(map(_bytes, found)), parts.missing)


def _bytes(path: Path) -> int:
    files = path.iterdir() if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())
