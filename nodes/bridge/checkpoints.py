"""Which checkpoints there are, as choices of a menu, and how to get the one that was chosen."""

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
    download,
    find_syncnet,
    folders_of_other_packs,
    rank_checkpoints,
    report,
)
from .progress import Reporter

FOLDER = "latentsync"
"""Of models/, and the key in extra_model_paths.yaml."""


def _offer_of(name: str) -> str:
    size = sum(file.size or 0 for file in RELEASES[name].files if not file.optional)
    return f"{name} (download, {size / 1e9:.0f} GB)"


EVALUATOR = "1.6"
"""The release whose SyncNet is published with a checksum."""
EVALUATOR_DOWNLOAD = f"{EVALUATOR} (download)"
DOWNLOADS = {_offer_of(name): name for name in reversed(RELEASES)}
NANO = "nano (test model, drawn faces only)"


def list_folders() -> list[str]:
    """Where checkpoints are looked for; the first is where downloads go, and those of other packs are last.

    Makes the folder known to ComfyUI, which is done here because importing the pack changes nothing.
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
    """The best for people on disk first, else the newest that can be fetched; then test models and other downloads."""
    real, tests = ([_label_of(row) for row in rows] for rows in _list_checkpoints())
    offers = [offer for offer, name in DOWNLOADS.items() if name not in real]
    first, rest = (real, offers) if real else (offers[:1], offers[1:])
    return list(dict.fromkeys([*first, *(NANO if name == "nano" else name for name in tests), *rest]))


def find_best() -> str:
    """The source of the best checkpoint on this machine; the bundled one, which is always there, is the last."""
    return next(iter(_map_sources().values()))


def find_problem(choice: str) -> str | None:
    """Why a choice cannot be used; None if it can. A choice outlives its place in the menu: workflows travel."""
    if choice in (*DOWNLOADS, NANO) or choice in _map_sources():
        return None
    advice = next((f'choose "{offer}"' for offer, name in DOWNLOADS.items() if name == choice), "")
    return (
        f"The model {choice!r} is not on this machine; {advice or f'choose one of {list_choices()}'}, or put it into "
        f"{list_folders()[0]}."
    )


def fetch(choice: str, reporter: Reporter) -> str:
    """What `load_models` takes for a choice; downloads it if the choice says so and it is not here.

    Raises OptionError for an unknown choice, and the errors of the download.
    """
    if reason := find_problem(choice):
        raise OptionError(reason)
    name, here = (DOWNLOADS | {NANO: "nano"}).get(choice, choice), _map_sources()
    if name not in here:
        return str(download(name, list_folders()[0], reporter))
    return here[name]


def list_evaluators() -> list[str]:
    """Checkpoints with a SyncNet: the bundled one, then what else is on disk, then what can be fetched."""
    others = [name for name in _find_evaluators() if name != "nano"]
    return ["nano", *others] + ([] if EVALUATOR in others else [EVALUATOR_DOWNLOAD])


def evaluator(choice: str, reporter: Reporter) -> Path:
    """The SyncNet of a choice; fetches it if the choice says so and it is not here. Raises as `fetch`."""
    here = _find_evaluators()
    if choice == EVALUATOR_DOWNLOAD and EVALUATOR not in here:
        return find_syncnet(download(EVALUATOR, list_folders()[0], reporter, optional=True))
    name = EVALUATOR if choice == EVALUATOR_DOWNLOAD else choice
    return here[name] if name in here else find_syncnet(name, list_folders())


def _find_evaluators() -> dict[str, Path]:
    found = {}
    for row in report(list_folders()):
        with suppress(WeightsMissingError):
            found[_label_of(row)] = find_syncnet(row.source, list_folders())
    return found


def _map_sources() -> dict[str, str]:
    """Choice -> source of all that is on disk, in the order of the menu; of two with one name the first counts."""
    known: dict[str, str] = {}
    for row in chain(*_list_checkpoints()):
        known.setdefault(_label_of(row), row.source)
    return known


def _list_checkpoints() -> tuple[list[CheckpointRow], list[CheckpointRow]]:
    """Checkpoints for people, the best first, and those for drawn faces, the bundled one always."""
    rows = report(list_folders())
    real = rank_checkpoints(rows)
    return real, [row for row in rows if row.source == "nano" or (row.complete and row not in real)]


def _label_of(row: CheckpointRow) -> str:
    """Releases by their name, others by that of their folder, so that a workflow means the same elsewhere."""
    return row.source if row.source in ("nano", *RELEASES) else Path(row.source).name
