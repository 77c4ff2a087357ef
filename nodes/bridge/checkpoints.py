"""List checkpoints as choices of a menu, and find or download the chosen one."""

from __future__ import annotations

import os
from contextlib import suppress
from itertools import chain
from pathlib import Path

import folder_paths

from ...latentsync_core.errors import OptionError, WeightsMissingError
from ...latentsync_core.weights import (
    RELEASES,
    CheckpointRow,
    download_release,
    find_syncnet,
    folders_of_other_packs,
    list_checkpoints,
    rank_checkpoints,
)
from .progress import Reporter

FOLDER = "latentsync"
"""Subfolder of models/, and the key in extra_model_paths.yaml."""


def _offer_of(name: str) -> str:
    size = sum(file.size or 0 for file in RELEASES[name].files if not file.optional)
    return f"{name} (download, {size / 1e9:.0f} GB)"


EVALUATOR = "1.6"
"""The release whose SyncNet is published with a checksum."""
EVALUATOR_DOWNLOAD = f"{EVALUATOR} (download)"
DOWNLOADS = {_offer_of(name): name for name in reversed(RELEASES)}
NANO = "nano (test model, drawn faces only)"


def list_folders() -> list[str]:
    """Return the folders with checkpoints: the one for downloads first, those of other packs last.

    Also registers the folder with ComfyUI: done here, because importing the pack changes nothing.
    """
    home = os.path.join(folder_paths.models_dir, FOLDER)
    folder_paths.add_model_folder_path(FOLDER, home, is_default=True)
    return [*folder_paths.get_folder_paths(FOLDER), *map(str, _list_other_packs())]


def _list_other_packs() -> list[Path]:
    known = folder_paths.folder_names_and_paths
    checkpoints, packs = (
        map(Path, known[name][0] if name in known else []) for name in ("checkpoints", "custom_nodes")
    )
    return folders_of_other_packs([Path(folder_paths.models_dir), *checkpoints], packs)


def list_choices() -> list[str]:
    """Return the menu: the best for people on disk, else the newest download; then test models and other downloads."""
    real, tests = ([_label_of(row) for row in rows] for rows in _list_checkpoints())
    offers = [offer for offer, name in DOWNLOADS.items() if name not in real]
    first, rest = (real, offers) if real else (offers[:1], offers[1:])
    return list(dict.fromkeys([*first, *(NANO if name == "nano" else name for name in tests), *rest]))


def find_best() -> str:
    """Return the source of the best checkpoint on this machine; the last resort is the bundled one."""
    return next(iter(_map_sources().values()))


def find_problem(choice: str) -> str | None:
    """Return why a choice cannot be used; None if it can. Workflows from other machines bring choices of their own."""
    if choice in (*DOWNLOADS, NANO) or choice in _map_sources():
        return None
    advice = next((f'choose "{offer}"' for offer, name in DOWNLOADS.items() if name == choice), "")
    return (
        f"The model {choice!r} is not on this machine; {advice or f'choose one of {list_choices()}'}, or put it into "
        f"{list_folders()[0]}."
    )


def fetch(choice: str, reporter: Reporter) -> str:
    """Return a choice's source for `load_models`; download it if the choice says so and it is not here.

    Raises OptionError for an unknown choice, and the errors of the download.
    """
    if reason := find_problem(choice):
        raise OptionError(reason)
    name, here = (DOWNLOADS | {NANO: "nano"}).get(choice, choice), _map_sources()
    if name not in here:
        return str(download_release(name, list_folders()[0], reporter))
    return here[name]


def list_evaluators() -> list[str]:
    """Return checkpoints with a SyncNet: the bundled one, then others on disk, then the download."""
    others = [name for name in _find_evaluators() if name != "nano"]
    return ["nano", *others] + ([] if EVALUATOR in others else [EVALUATOR_DOWNLOAD])


def fetch_evaluator(choice: str, reporter: Reporter) -> Path:
    """Return the SyncNet of a choice; download it if the choice says so and it is not here. Raises as `fetch`."""
    here = _find_evaluators()
    if choice == EVALUATOR_DOWNLOAD and EVALUATOR not in here:
        return find_syncnet(download_release(EVALUATOR, list_folders()[0], reporter, optional=True))
    name = EVALUATOR if choice == EVALUATOR_DOWNLOAD else choice
    return here[name] if name in here else find_syncnet(name, list_folders())


def _find_evaluators() -> dict[str, Path]:
    found = {}
    for row in list_checkpoints(list_folders()):
        with suppress(WeightsMissingError):
            found[_label_of(row)] = find_syncnet(row.source, list_folders())
    return found


def _map_sources() -> dict[str, str]:
    """Return choice -> source of all on disk, in the order of the menu; of two with one name the first counts."""
    known: dict[str, str] = {}
    for row in chain(*_list_checkpoints()):
        known.setdefault(_label_of(row), row.source)
    return known


def _list_checkpoints() -> tuple[list[CheckpointRow], list[CheckpointRow]]:
    """Return checkpoints for people, the best first, and those for drawn faces, always with the bundled one."""
    rows = list_checkpoints(list_folders())
    real = rank_checkpoints(rows)
    return real, [row for row in rows if row.source == "nano" or (row.complete and row not in real)]


def _label_of(row: CheckpointRow) -> str:
    """Return a release's name, or another checkpoint's folder name, so that a workflow means the same elsewhere."""
    return row.source if row.source in ("nano", *RELEASES) else Path(row.source).name
