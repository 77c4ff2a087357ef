"""The API key: find it, save it, and a type that does not show it."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path

from ..errors import KeyMissingError, OutputError
from ..partial import replacing

KEY_VARIABLE = "WAVESPEED_API_KEY"
KEY_FILE_VARIABLE = "WAVESPEED_API_KEY_FILE"

KEY_NAME = "wavespeed.key"
"""Name of the key's file in the state folder."""

_PRINTABLE = re.compile(r"[\x21-\x7e]{1,1000}")


class ApiKey:
    """A secret: repr, str, format and pickle give `***`; only `reveal` returns the key.

    Raises KeyMissingError on an empty key, on spaces within it, and on what a header cannot hold.
    """

    __slots__ = ("_secret",)

    def __init__(self, secret: str) -> None:
        secret = secret.strip()
        if not _PRINTABLE.fullmatch(secret):
            raise KeyMissingError(
                "The WaveSpeed key is empty or holds characters that a key does not have.",
                "Copy it again from https://wavespeed.ai/accesskey.",
            )
        self._secret = secret

    def reveal(self) -> str:
        """Return the key itself, for the Authorization header and for redaction."""
        return self._secret

    def derive_tag(self, salt: bytes) -> str:
        """Return eight hexadecimal digits that tell accounts apart on this machine and do not reveal the key."""
        return hmac.new(salt, self._secret.encode(), hashlib.sha256).hexdigest()[:8]

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __reduce__(self) -> tuple[type[ApiKey], tuple[str]]:
        return ApiKey, ("***",)

    def __copy__(self) -> ApiKey:
        return self

    def __deepcopy__(self, _: object) -> ApiKey:
        return self


def find_key(environ: Mapping[str, str], state_dir: Path) -> ApiKey | None:
    """Return the key of the environment, of the file it names, or of the state folder; None where there is none.

    Raises KeyMissingError where a key is named but cannot be used.
    """
    if secret := environ.get(KEY_VARIABLE, "").strip():
        return ApiKey(secret)
    if named := environ.get(KEY_FILE_VARIABLE, "").strip():
        return _read_key(Path(named))
    own = state_dir / KEY_NAME
    return _read_key(own, ours=True) if os.path.lexists(own) else None


def save_key(key: ApiKey, state_dir: Path) -> Path:
    """Write the key to the state folder, readable by its owner only, and return the file; raises OutputError."""
    target = state_dir / KEY_NAME
    try:
        with replacing(target) as partial:
            descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(key.reveal() + "\n")
    except OSError as exc:
        raise OutputError(f"{target} cannot be written: {exc.strerror}. Set LATENTSYNC_STATE_DIR.") from exc
    return target


def _read_key(path: Path, *, ours: bool = False) -> ApiKey:
    refuse_served(path)
    try:
        if ours:
            _restrict_to_owner(path)
        return ApiKey(path.read_text(encoding="ascii", errors="replace"))
    except OSError as exc:
        raise KeyMissingError(
            f"The key file {path} cannot be read: {exc.strerror}.",
            f"Check who owns it, or set {KEY_VARIABLE} or {KEY_FILE_VARIABLE}.",
        ) from exc


def refuse_served(path: Path) -> None:
    """Raise KeyMissingError for a path that ComfyUI serves to every browser (`GET /userdata/{file}`)."""
    parts = path.absolute().parts
    if ("user", "default") in zip(parts, parts[1:], strict=False):
        raise KeyMissingError(
            f"{path} lies under user/default, which ComfyUI hands out to every browser that asks.",
            "Choose another folder, such as user/__latentsync.",
        )


def _restrict_to_owner(path: Path) -> None:
    """Take away other users' permissions on the state folder's key file; Windows has none of that kind.

    The target of a link is somebody else's file, and stays as it is.
    """
    if os.name != "nt" and not path.is_symlink() and stat.S_IMODE(path.stat().st_mode) & 0o077:
        path.chmod(0o600)
