"""The owner's settings of an endpoint."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

from ..addresses import is_loopback
from ..errors import OptionError


@dataclass(frozen=True)
class Limits:
    """What is taken of a client. Raises OptionError on a limit that is not above 0."""

    largest_bytes: int = 300 * 10**6
    """Of one video or audio file; the size up to which WaveSpeed's documentation recommends uploads."""
    longest_seconds: float = 600.0
    """Of a video or an audio."""
    most_unfinished: int = 1000
    """Tasks of all accounts together; more are refused with 429."""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not value > 0:
                raise OptionError(f"{name} is above 0, got {value}.")


@dataclass(frozen=True)
class ServeSettings:
    """Settings of an endpoint. Raises OptionError on what is not safe or makes no sense."""

    folder: Path
    """Everything that is kept: the tasks, what was uploaded, the results. Made for its owner only."""
    host: str = "127.0.0.1"
    port: int = 8787
    """0 takes any free one."""
    keys: Path | None = None
    """The file of the clients' keys, see `accounts`; None lets everybody in, and only on this machine."""
    public_url: str = ""
    """Scheme, host and port under which clients reach a proxy before this endpoint; "" for what each request names."""
    price_usd: Decimal = Decimal(0)
    """Of 5 seconds of audio, for those who ask."""
    keep_seconds: float = 7 * 86400.0
    """How long results, their media and uploads are kept."""
    limits: Limits = field(default_factory=Limits)
    allow_private: bool = False
    """Fetch media from, and call webhooks at, addresses that are not on the public internet, also by plain http."""

    def __post_init__(self) -> None:
        if self.keys is None and not is_loopback(self.host):
            raise OptionError(
                f"Without keys only this machine is let in, and {self.host} is open to others: give --keys FILE, or "
                "take --host 127.0.0.1."
            )
        if not 0 <= self.port < 65536:
            raise OptionError(f"A port is 0 to 65535, got {self.port}.")
        if not self.keep_seconds > 0:
            raise OptionError(f"Results are kept for a time above 0, got {self.keep_seconds} seconds.")
        if not (self.price_usd.is_finite() and self.price_usd >= 0):
            raise OptionError(f"A price is 0 US dollars or more, got {self.price_usd}.")
        parts = urlsplit(self.public_url)
        plain = (
            parts.scheme in ("http", "https")
            and parts.hostname
            and not (parts.path.strip("/") or parts.query)
        )
        if self.public_url and not plain:
            raise OptionError(f"A public URL is https://HOST or https://HOST:PORT, got {self.public_url}.")
