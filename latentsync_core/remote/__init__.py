"""LatentSync on WaveSpeed: the same inputs and outputs on rented hardware, bought at most once.

`flow.JobFlow` is the story: prepare, upload, quote, submit, poll, download, done. Names are loaded
when they are first used: neither httpx nor PyAV is imported before a run begins.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .account import fetch_balance
    from .clock import Clock
    from .entry import Entry
    from .job import JobProgress, RemoteJob, RemoteResult
    from .journal import Journal
    from .keys import ApiKey, save_key
    from .models import DEFAULT_MODEL, MODELS
    from .runs import forget_task, remote_lip_sync, resume_task
    from .settings import Settings
    from .states import State

_HOMES = {
    "account": ("fetch_balance",),
    "clock": ("Clock",),
    "entry": ("Entry",),
    "job": ("JobProgress", "RemoteJob", "RemoteResult"),
    "journal": ("Journal",),
    "keys": ("ApiKey", "save_key"),
    "models": ("DEFAULT_MODEL", "MODELS"),
    "runs": ("forget_task", "remote_lip_sync", "resume_task"),
    "settings": ("Settings",),
    "states": ("State",),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "DEFAULT_MODEL",
    "MODELS",
    "ApiKey",
    "Clock",
    "Entry",
    "JobProgress",
    "Journal",
    "RemoteJob",
    "RemoteResult",
    "Settings",
    "State",
    "fetch_balance",
    "forget_task",
    "remote_lip_sync",
    "resume_task",
    "save_key",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOME[name]}", __name__), name)
