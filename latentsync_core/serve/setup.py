"""The owner's choice of a model and options. The networks are imported where they are loaded: not in the server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..options import Options
from ..pool import ModelSource, Workers
from .worker import Compute

if TYPE_CHECKING:
    from ..faces import Speaker


@dataclass(frozen=True)
class LipSyncSetup:
    """With what all tasks are computed; see `start_networks`, `Options`, `find_face`, `open_writer`."""

    source: ModelSource
    device: str | None = None
    workers: Workers = field(default_factory=Workers)
    """Who makes the windows of all tasks, if not the process that computes them."""
    options: Options = field(default_factory=Options)
    speaker: Speaker = "auto"
    crf: int = 18
    encoder_preset: str = "medium"

    def load(self) -> Compute:
        """Load the models and start the workers; raises WeightsError, OptionError, DeviceError and PoolError."""
        from .compute import load_compute

        return load_compute(self)
