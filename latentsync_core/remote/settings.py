"""Settings of the remote client: base URL, state folder, spending limits, timeouts."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from urllib.parse import urlsplit

from ..addresses import is_loopback
from ..errors import KeyMissingError, OptionError, OutputError
from ..folders import user_folder
from .keys import KEY_FILE_VARIABLE, KEY_VARIABLE, ApiKey, find_key, refuse_served

DEFAULT_BASE_URL = "https://api.wavespeed.ai/api/v3"
WAVESPEED = "WaveSpeed"
KEYS_COME_FROM = "keys come from https://wavespeed.ai/accesskey."
_OWN_WORDS = {
    "Top up at https://wavespeed.ai/billing": "Ask its owner for more",
    "Choose one of https://wavespeed.ai/models": "Choose one that it has",
    "keys come from https://wavespeed.ai/accesskey": "keys come from its owner",
    "a new one works only after the first top-up, and its role must allow this": "its owner knows which are let in",
}
BASE_URL_VARIABLE = "WAVESPEED_BASE_URL"
STATE_VARIABLE = "LATENTSYNC_STATE_DIR"
DAILY_LIMIT_VARIABLE = "WAVESPEED_DAILY_LIMIT_USD"
STRICT_HOSTS_VARIABLE = "WAVESPEED_STRICT_HOSTS"
LOOPBACK_KEY_VARIABLE = "WAVESPEED_ALLOW_INSECURE_LOOPBACK"


@dataclass(frozen=True)
class Timeouts:
    """Timeouts of requests in seconds of real time, whatever the run's clock."""

    connect: float = 10.0
    read: float = 20.0
    submit: float = 60.0
    """How long the whole reply to the submit may take."""
    transfer: float = 60.0
    """How long an upload or a download may stall."""


@dataclass(frozen=True)
class Settings:
    """What a run needs apart from the job. Raises OptionError on a base URL that is not safe."""

    state_dir: Path
    """The folder of the journal and perhaps of the key file; made when first needed, for its owner only."""
    key: ApiKey | None = None
    base_url: str = DEFAULT_BASE_URL
    """https, or plain http to a loopback address; `/api/v3` is added to a URL without a path."""
    daily_limit_usd: Decimal = Decimal(10)
    """The most that the jobs of one day (UTC) in this journal may cost together."""
    deadline_seconds: float | None = None
    """How long a run waits for its task; None: 15 minutes or 20 times the media's length, whichever is more."""
    strict_hosts: bool = False
    """Refuse results from hosts that WaveSpeed has not been seen to use, instead of warning."""
    own_host: bool = False
    """The base URL is that of another host with the same contract, such as `latentsync serve`, which the user named:
    its own prices count, also 0, its results may come from a private address, and its jobs are not WaveSpeed's."""
    largest_result: int = 2 * 2**30
    """Bytes; a download that grows beyond is stopped."""
    timeouts: Timeouts = field(default_factory=Timeouts)

    def __post_init__(self) -> None:
        parts = urlsplit(self.base_url)
        if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname or "")):
            raise OptionError(
                f"{BASE_URL_VARIABLE} takes an https URL, or http to 127.0.0.1; got a {parts.scheme or 'bare'} one."
            )
        if not parts.hostname or "@" in parts.netloc or parts.query or parts.fragment:
            raise OptionError(
                f"{BASE_URL_VARIABLE} takes host, port and path only, without a user or a query."
            )
        path = parts.path.rstrip("/") or "/api/v3"
        object.__setattr__(self, "base_url", f"{parts.scheme}://{parts.netloc}{path}")
        refuse_served(self.state_dir / "wavespeed.key")

    @classmethod
    def from_environment(
        cls, environ: Mapping[str, str] | None = None, *, default_state_dir: Path | None = None
    ) -> Settings:
        """Read the environment (see docs/remote.md); the key may be absent, `require_key` says so when needed.

        `default_state_dir` is used where LATENTSYNC_STATE_DIR is not set (None: the user's state folder).
        Raises OptionError on a bad value, KeyMissingError on a key that cannot be used.
        """
        environ = os.environ if environ is None else environ
        state_dir = find_state_dir(environ, default_state_dir)
        base_url = environ.get(BASE_URL_VARIABLE) or DEFAULT_BASE_URL
        settings = cls(
            state_dir,
            find_key(environ, state_dir),
            base_url,
            _parse_dollars(environ.get(DAILY_LIMIT_VARIABLE) or "10"),
            strict_hosts=environ.get(STRICT_HOSTS_VARIABLE) == "1",
            own_host=urlsplit(base_url).netloc != urlsplit(DEFAULT_BASE_URL).netloc,
        )
        if settings.key and settings.loopback and environ.get(LOOPBACK_KEY_VARIABLE) != "1":
            raise KeyMissingError(
                f"The key is not sent over plain http to {base_url}.",
                f"Unset {BASE_URL_VARIABLE}, or, with a test server and a made-up key, set {LOOPBACK_KEY_VARIABLE}=1.",
            )
        return settings

    @property
    def loopback(self) -> bool:
        """Whether the host is a test server on this machine, over plain http."""
        return self.base_url.startswith("http:")

    @property
    def origin(self) -> str:
        """Scheme, host and port of the base URL."""
        parts = urlsplit(self.base_url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def other_host(self) -> str:
        """The origin of a host that is not WaveSpeed, "" for WaveSpeed: nothing of the one is there at the other."""
        return self.origin if self.own_host else ""

    @property
    def host_name(self) -> str:
        """What the host is called: WaveSpeed, or host and port of the base URL."""
        return urlsplit(self.base_url).netloc if self.own_host else WAVESPEED

    def name_host(self, text: str) -> str:
        """Return a sentence about WaveSpeed as one about the host, whose owner and page take the place of its pages."""
        if not self.own_host:
            return text
        for words, own in _OWN_WORDS.items():
            text = text.replace(words, own)
        return text.replace("https://wavespeed.ai/predictions", f"{self.origin}/").replace(
            WAVESPEED, self.host_name
        )

    def require_key(self) -> ApiKey:
        """Return the key; raises KeyMissingError without one."""
        if self.key is None:
            raise KeyMissingError(
                self.name_host("No WaveSpeed key is set."),
                f"Set {KEY_VARIABLE}, or {KEY_FILE_VARIABLE} to a file, or run `latentsync remote key set`; "
                + self.name_host(KEYS_COME_FROM),
            )
        return self.key

    def make_state_dir(self) -> Path:
        """Make the state folder, for its owner only, and return it; raises OutputError."""
        try:
            self.state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as exc:
            raise OutputError(
                f"{self.state_dir} cannot be made: {exc.strerror}. Set {STATE_VARIABLE}."
            ) from exc
        return self.state_dir


def find_state_dir(environ: Mapping[str, str], default: Path | None = None) -> Path:
    """Return the folder of LATENTSYNC_STATE_DIR, else `default`, else this platform's folder for a user's state."""
    return Path(environ.get(STATE_VARIABLE) or default or user_folder("state")).absolute()


def _parse_dollars(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal(-1)
    if not (value.is_finite() and value >= 0):
        raise OptionError(f"{DAILY_LIMIT_VARIABLE} takes US dollars such as 10 or 2.50, got {text!r}.")
    return value
