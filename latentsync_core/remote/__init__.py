"""LatentSync on WaveSpeed: the same inputs and outputs on rented hardware, bought at most once.

`flow.JobFlow` drives a job: prepare, upload, quote, submit, poll, download, done. Names are loaded
when they are first used: neither httpx nor PyAV is imported before a run begins.
"""

from typing import TYPE_CHECKING

from ..lazy import load_from

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

__getattr__ = load_from(
    __name__,
    {
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
    },
)
