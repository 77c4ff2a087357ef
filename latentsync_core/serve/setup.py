"""The owner's choice of a model and options. The networks are imported where they are loaded: not in the server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..options import Options
from .worker import Compute

if TYPE_CHECKING:
    from ..faces import Speaker


@dataclass(frozen=True)
class LipSyncSetup:
    """With which model and options all tasks are computed; see `load_models`, `Options`, `find_face`, `open_writer`."""

    model: str
    resolution: int | None = None
    device: str | None = None
    dtype: str | None = None
    models_folders: Sequence[Path] = ()
    options: Options = field(default_factory=Options)
    speaker: Speaker = "auto"
    crf: int = 18
    encoder_preset: str = "medium"

    def load(self) -> Compute:
        """Load the models; raises WeightsError, OptionError and DeviceError."""
        from .compute import load_compute

        return load_compute(self)
