"""The SQLite file of an endpoint: whole after a crash, and of one server at a time."""

from __future__ import annotations

import os
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import OptionError, OutputError

_NAME = "tasks.sqlite3"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS tasks (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, result_token TEXT NOT NULL,
    account TEXT NOT NULL, model TEXT NOT NULL, audio TEXT NOT NULL, video TEXT NOT NULL, origin TEXT NOT NULL,
    webhook TEXT NOT NULL, idempotency_key TEXT NOT NULL, state TEXT NOT NULL, created_at REAL NOT NULL,
    ended_at REAL NOT NULL DEFAULT 0, price INTEGER NOT NULL DEFAULT 0, code INTEGER NOT NULL DEFAULT 0,
    error TEXT NOT NULL DEFAULT '', inference_ms INTEGER NOT NULL DEFAULT 0, deaths INTEGER NOT NULL DEFAULT 0,
    webhook_left INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS tasks_by_state ON tasks (state, number);
CREATE INDEX IF NOT EXISTS tasks_by_account ON tasks (account, created_at);
CREATE INDEX IF NOT EXISTS tasks_by_webhook ON tasks (webhook_left) WHERE webhook_left > 0;
CREATE UNIQUE INDEX IF NOT EXISTS tasks_by_key ON tasks (account, idempotency_key) WHERE idempotency_key <> '';
CREATE TABLE IF NOT EXISTS uploads (
    token TEXT PRIMARY KEY, put_token TEXT NOT NULL, account TEXT NOT NULL, mime TEXT NOT NULL, size INTEGER NOT NULL,
    created_at REAL NOT NULL, complete INTEGER NOT NULL
);
"""


class Store:
    """The connection, used by one thread: two changes never run at once.

    Raises OptionError where another server has the folder, OutputError where SQLite fails.
    """

    def __init__(self, folder: Path, now: Callable[[], float] = time.time) -> None:
        """now: seconds since 1970."""
        self.folder, self.now = folder, now
        with self._map_errors():
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            # Made before SQLite does, for its owner only: SQLite gives its side files the same permissions.
            os.close(os.open(folder / _NAME, os.O_RDWR | os.O_CREAT, 0o600))
            self._connection = sqlite3.connect(folder / _NAME, timeout=0, isolation_level=None)
            self._connection.row_factory = sqlite3.Row
            # The lock is held until this process ends, in whatever way: a second server cannot compute the same tasks.
            self.execute("PRAGMA locking_mode = EXCLUSIVE")
            self.execute("PRAGMA journal_mode = WAL")
            self.execute("PRAGMA synchronous = FULL")
            self._connection.executescript(_SCHEMA)

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def execute(self, query: str, *values: object) -> int:
        """Change something, on disk when this returns; return how many rows were."""
        with self._map_errors():
            return self._connection.execute(query, values).rowcount

    def select(self, query: str, *values: object) -> list[dict[str, Any]]:
        """Return the rows that a query finds."""
        with self._map_errors():
            return [dict(row) for row in self._connection.execute(query, values)]

    def insert(self, table: str, row: dict[str, Any]) -> None:
        """Add a row."""
        columns, places = ", ".join(row), ", ".join("?" * len(row))
        self.execute(f"INSERT INTO {table} ({columns}) VALUES ({places})", *row.values())

    def make_secret(self, name: str) -> str:
        """Return the secret of a name, made when it is asked for the first time."""
        self.execute("INSERT OR IGNORE INTO meta VALUES (?, ?)", name, secrets.token_hex(32))
        return str(self.select("SELECT value FROM meta WHERE name = ?", name)[0]["value"])

    @contextmanager
    def _map_errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as exc:
            if "locked" in str(exc):
                raise OptionError(
                    f"Another server works in {self.folder}: end it, or give this one a --folder of its own."
                ) from exc
            raise self._build_error(exc) from exc
        except (sqlite3.Error, OSError) as exc:
            raise self._build_error(exc) from exc

    def _build_error(self, exc: Exception) -> OutputError:
        return OutputError(
            f"{self.folder / _NAME} cannot be used ({exc}); mend that, or give another --folder."
        )
