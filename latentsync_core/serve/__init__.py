"""An endpoint of one's own with WaveSpeed's contract: clients of the one work with the other.

The way of a task, from top to bottom: `calls/submit.py` takes the order, `tasks.py` writes it down, `flow.py` has it
fetched (`fetch.py`), measured (`gate.py`) and computed (`worker.py`, `compute.py`), and tells of it (`webhook.py`).
Each step is one of the table in `states.py`. `calls/` is what clients see.
"""

from typing import TYPE_CHECKING

from ..lazy import load_from

if TYPE_CHECKING:
    from .gate import ProcessGate
    from .server import open_endpoint, run_endpoint
    from .settings import Limits, ServeSettings
    from .setup import LipSyncSetup
    from .worker import ProcessWorker, TaskWorker

__all__ = [
    "Limits",
    "LipSyncSetup",
    "ProcessGate",
    "ProcessWorker",
    "ServeSettings",
    "TaskWorker",
    "open_endpoint",
    "run_endpoint",
]

__getattr__ = load_from(
    __name__,
    {
        "gate": ("ProcessGate",),
        "server": ("open_endpoint", "run_endpoint"),
        "settings": ("Limits", "ServeSettings"),
        "setup": ("LipSyncSetup",),
        "worker": ("ProcessWorker", "TaskWorker"),
    },
)
