"""Who may use the endpoint: the file of keys, and the check of a request's key."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

from ..errors import OptionError
from .answers import Refusal

MILLION = 10**6
"""Prices are whole millionths of a US dollar."""
_NAME, _KEY = re.compile(r"[A-Za-z0-9_-]{1,64}"), re.compile(r"[\x21-\x7e]{16,200}")
_FORM = "NAME KEY or NAME KEY CREDIT, such as: anna wZ3c7x0e9kQ2... 25.00"


@dataclass(frozen=True)
class Account:
    """A client, or several that share their tasks: whoever has one of its keys."""

    name: str
    credit: int = 0
    """Millionths of a US dollar that its tasks may cost together."""


class Accounts:
    """The accounts by their keys; without keys there is one, for everybody."""

    def __init__(self, accounts: Mapping[str, Account] | None) -> None:
        """accounts: by key; None lets everybody in."""
        self._open = accounts is None
        self._known = [(_digest(key), account) for key, account in (accounts or {}).items()]

    @classmethod
    def read(cls, path: Path | None) -> Accounts:
        """Read the file of keys; None lets everybody in. Raises OptionError for a file that is not safe or not one."""
        if path is None:
            return cls(None)
        try:
            _check_private(path)
            lines = path.read_text(encoding="ascii").splitlines()
        except (OSError, UnicodeError) as exc:
            raise OptionError(f"The keys in {path} cannot be read: {exc}.") from exc
        rows = [
            (number, line.split()) for number, line in enumerate(lines, 1) if line.strip() and line[0] != "#"
        ]
        found = dict(_parse(path, number, words) for number, words in rows)
        if len(found) < len(rows) or not found:
            raise OptionError(f"{path} holds no key, or one twice; a line is {_FORM}.")
        return cls(found)

    @property
    def open(self) -> bool:
        """Whether everybody is let in."""
        return self._open

    @property
    def have_credit(self) -> bool:
        """Whether all of them may spend something."""
        return not self._open and all(account.credit for _, account in self._known)

    def identify(self, authorization: str) -> Account:
        """Return the account of an Authorization header; raises Refusal 401."""
        if self._open:
            return Account("local")
        scheme, _, key = authorization.partition(" ")
        digest, found = _digest(key.strip()), None
        # All are compared, and in constant time: how long it takes says nothing about a key.
        for known, account in self._known:
            if hmac.compare_digest(digest, known):
                found = account
        if found is None or scheme.lower() != "bearer":
            raise Refusal(401, "invalid API key")
        return found


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()


def _check_private(path: Path) -> None:
    if os.name != "nt" and stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise OptionError(f"{path} may be read or changed by other users: chmod 600 {path}")


def _parse(path: Path, number: int, words: list[str]) -> tuple[str, Account]:
    """Parse a line; its error does not show it, as it holds a key."""
    name, key, credit = (*words, "", "", "")[:3]
    try:
        amount = Decimal(credit or 0)
    except InvalidOperation:
        amount = Decimal(-1)
    good = (
        len(words) < 4
        and _NAME.fullmatch(name)
        and _KEY.fullmatch(key)
        and amount.is_finite()
        and amount >= 0
    )
    if not good:
        raise OptionError(
            f"Line {number} of {path} is not {_FORM}; a key has 16 to 200 characters without spaces."
        )
    return key, Account(name, int(amount * MILLION))
