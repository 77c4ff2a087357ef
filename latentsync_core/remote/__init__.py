"""LatentSync on WaveSpeed: the same inputs and outputs on rented hardware, bought at most once.

`flow.remote_lip_sync` is the story: prepare, upload, quote, submit, poll, download, done. Names are loaded
when they are first used: neither httpx nor PyAV is imported before a run begins.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .account import balance, forget
    from .clock import Clock
    from .entry import Entry
    from .flow import remote_lip_sync, resume
    from .job import Progress, RemoteJob, RemoteResult
    from .journal import Journal
    from .keys import ApiKey, save_key
    from .models import DEFAULT_MODEL, MODELS
    from .settings import Settings
    from .states import State

_HOMES = {
    "account": ("balance", "forget"),
    "clock": ("Clock",),
    "entry": ("Entry",),
    "flow": ("remote_lip_sync", "resume"),
    "job": ("Progress", "RemoteJob", "RemoteResult"),
    "journal": ("Journal",),
    "keys": ("ApiKey", "save_key"),
    "models": ("DEFAULT_MODEL", "MODELS"),
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
    "Journal",
    "Progress",
    "RemoteJob",
    "RemoteResult",
    "Settings",
    "State",
    "balance",
    "forget",
    "remote_lip_sync",
    "resume",
    "save_key",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOME[name]}", __name__), name)
