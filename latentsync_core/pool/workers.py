"""Which workers are asked for."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import OptionError


@dataclass(frozen=True)
class Workers:
    """Who shall do the work."""

    devices: tuple[str, ...] = ()
    """A process for each, on this machine."""
    ray: str | None = None
    """The address of a Ray cluster, "" for the one of this machine; None is none."""
    count: int | None = None
    """Of workers on the cluster; None is one for each GPU, or for each machine where there are none."""
    mixed: bool = False
    """Whether their devices and versions may differ."""

    def __post_init__(self) -> None:
        if self.devices and self.ray is not None:
            raise OptionError(
                "The work is done on --devices of this machine or by a --ray cluster, not by both."
            )
        if self.count is not None and self.ray is None:
            raise OptionError("--workers counts those of a --ray cluster; each of the --devices has one.")

    def __bool__(self) -> bool:
        return bool(self.devices) or self.ray is not None
