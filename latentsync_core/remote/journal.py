"""The state of every job: a small SQLite file that survives crashes and serves many processes."""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from decimal import Decimal
from pathlib import Path
from typing import Any

from ..errors import DetachedError, OutputError, OverBudgetError
from . import lease
from .clock import SYSTEM_CLOCK, Clock
from .entry import Entry, JobIdentity
from .states import COSTS_NOTHING, TRANSITIONS, UNCERTAIN, State

FILE_NAME = "remote.sqlite3"

_BY_ID = "id-"
"""Prefix of the key of a job of which only the prediction's id is known."""
UPLOAD_LIFETIME = 24 * 3600.0
"""Seconds for which an uploaded file is used again; uploads are kept 7 days by the documentation."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS predictions (id TEXT PRIMARY KEY, job_key TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS jobs (
    job_key TEXT PRIMARY KEY, account TEXT NOT NULL, model TEXT NOT NULL, params TEXT NOT NULL,
    audio_sha256 TEXT NOT NULL, video_sha256 TEXT NOT NULL, take INTEGER NOT NULL,
    state TEXT NOT NULL, created_at REAL NOT NULL, updated_at REAL NOT NULL,
    seconds REAL NOT NULL DEFAULT 0, audio_url TEXT NOT NULL DEFAULT '', video_url TEXT NOT NULL DEFAULT '',
    uploaded_at REAL NOT NULL DEFAULT 0, price TEXT NOT NULL DEFAULT '', notes TEXT NOT NULL DEFAULT '',
    submitted_at REAL NOT NULL DEFAULT 0, prediction_id TEXT NOT NULL DEFAULT '',
    status TEXT NOT NULL DEFAULT '', remote_created_at TEXT NOT NULL DEFAULT '', inference_ms INTEGER,
    nsfw INTEGER NOT NULL DEFAULT 0, error TEXT NOT NULL DEFAULT '', output TEXT NOT NULL DEFAULT '',
    result_path TEXT NOT NULL DEFAULT '', result_sha256 TEXT NOT NULL DEFAULT '',
    charged TEXT NOT NULL DEFAULT '', bought_at REAL NOT NULL DEFAULT 0,
    lease_token TEXT NOT NULL DEFAULT '', lease_pid INTEGER NOT NULL DEFAULT 0,
    lease_boot TEXT NOT NULL DEFAULT '', lease_beat REAL NOT NULL DEFAULT 0
);
"""


_COLUMNS = ", ".join(field.name for field in fields(Entry))


class Journal:
    """The journal in a state folder, opened once a run and closed by `with`. Raises OutputError where SQLite fails."""

    def __init__(self, state_dir: Path, clock: Clock = SYSTEM_CLOCK) -> None:
        self.path, self._clock = state_dir / FILE_NAME, clock
        with self._map_errors():
            # Made before SQLite does, for its owner only: SQLite gives its side files the same permissions.
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
            self._connection = sqlite3.connect(self.path, timeout=10, isolation_level=None)
            self._connection.row_factory = sqlite3.Row
            self._connection.execute("PRAGMA journal_mode = WAL")
            # A purchase that is written down must survive a power cut.
            self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.executescript(_SCHEMA)
            self._add_bought_at()
            self.salt = self._make_salt()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def open(self, identity: JobIdentity) -> Entry:
        """Return the entry of a job, which is added when it is opened for the first time.

        If the same job was bought with another key, that entry is returned: a renewed key must not buy again.
        """
        entry = self._insert(identity)
        return self._find_same_purchase(entry) or entry if entry.state in COSTS_NOTHING else entry

    def _insert(self, identity: JobIdentity) -> Entry:
        now = self._clock.utc()
        with self._transact():
            self._connection.execute(
                "INSERT OR IGNORE INTO jobs (job_key, account, model, params, audio_sha256, video_sha256, take, "
                "state, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (identity.key, identity.account, identity.model, identity.params, identity.audio_sha256,
                 identity.video_sha256, identity.take, State.NEW.value, now, now),
            )  # fmt: skip
        return self.get(identity.key)

    def adopt(self, prediction_id: str, account: str) -> Entry:
        """Return the entry of a prediction; one that the journal does not know is added as a detached job."""
        owners = self._select("WHERE prediction_id = ? ORDER BY take", prediction_id)
        if owners:
            return owners[0]
        key = f"{_BY_ID}{prediction_id}"
        self._insert(JobIdentity(key, account, "", "{}", "", "", 1))
        return self.note(key, state=State.DETACHED, prediction_id=prediction_id)

    def get(self, job_key: str) -> Entry:
        """Return the entry of a job that is known to exist."""
        return self._select("WHERE job_key = ?", job_key)[0]

    def list_recent(self, limit: int = 50) -> list[Entry]:
        """Return entries, the newest first."""
        return self._select("ORDER BY updated_at DESC LIMIT ?", limit)

    def acquire(self, job_key: str) -> str | None:
        """Take the lease of a job; return its token, or None while another run has it."""
        with self._transact():
            return lease.acquire(self._connection, job_key, self._clock.utc())

    def release(self, token: str) -> None:
        """Give the lease back; for this process it is free even if that cannot be written down."""
        lease.drop(token)
        with self._transact():
            self._connection.execute("UPDATE jobs SET lease_token = '' WHERE lease_token = ?", (token,))

    def beat(self, token: str) -> None:
        """Give a sign of life."""
        with self._transact():
            self._connection.execute(
                "UPDATE jobs SET lease_beat = ? WHERE lease_token = ?", (self._clock.utc(), token)
            )

    def advance(self, job_key: str, token: str, state: State, **values: object) -> Entry:
        """Move a job to `state` and write `values`; both are on disk when this returns.

        Raises DetachedError if another run has taken the job over, ValueError on a step that no job may take.
        """
        with self._transact():
            self._advance(job_key, token, state, values)
        return self.get(job_key)

    def begin_submit(
        self, job_key: str, token: str, price: Decimal, submitted_at: float, daily_limit: Decimal
    ) -> Entry:
        """Move a job to SUBMITTING; raises OverBudgetError if the day's jobs would cost more than `daily_limit`."""
        # The sum and the new state are one transaction, so that two runs cannot both take what is left of the limit.
        with self._transact():
            now = self._clock.utc()  # not the host's clock, which could begin a new day too early
            spent = self._sum_spent_since(now - now % 86400)
            if spent + price > daily_limit:
                raise OverBudgetError(
                    f"This job costs ${price} and the jobs of today (UTC) ${spent}: more than ${daily_limit} a day.",
                    "Raise WAVESPEED_DAILY_LIMIT_USD, or wait until tomorrow.",
                )
            values = {"price": str(price), "submitted_at": submitted_at, "prediction_id": "", "error": ""}
            values |= {"bought_at": now}
            self._advance(job_key, token, State.SUBMITTING, values)
        return self.get(job_key)

    def note(self, job_key: str, **values: object) -> Entry:
        """Write values without a change of state."""
        with self._transact():
            self._update(job_key, **values)
        return self.get(job_key)

    def list_known_ids(self) -> set[str]:
        """Return the ids of all predictions that were bought here, with earlier failures; not of those only fetched."""
        return {row[0] for row in self._connection.execute("SELECT id FROM predictions")}

    def find_cached_upload(self, account: str, kind: str, sha256: str) -> tuple[str, float] | None:
        """Return URL and time of an upload (`kind`: audio or video) of the same content in the last 24 hours, or None.

        Uploads of a job whose outcome is unknown do not count: the history tells tasks apart by their URLs alone.
        """
        unsure = ", ".join(f"'{state.value}'" for state in UNCERTAIN)
        column = {"audio": "audio_url", "video": "video_url"}[kind]
        now = self._clock.utc()
        with self._map_errors():
            row = self._connection.execute(
                f"SELECT {column}, uploaded_at FROM jobs WHERE account = ? AND {kind}_sha256 = ? AND {column} <> '' "
                f"AND uploaded_at > ? AND uploaded_at <= ? "
                f"AND {column} NOT IN (SELECT {column} FROM jobs WHERE state IN ({unsure}))",
                (account, sha256, now - UPLOAD_LIFETIME, now),  # not of the future: the clock may be set back
            ).fetchone()
        return tuple(row) if row else None

    def _find_same_purchase(self, entry: Entry) -> Entry | None:
        same = self._select(
            "WHERE model = ? AND params = ? AND audio_sha256 = ? AND video_sha256 = ? AND take = ?",
            *(entry.model, entry.params, entry.audio_sha256, entry.video_sha256, entry.take),
        )
        return next((other for other in same if other.state not in COSTS_NOTHING), None)

    def _advance(self, job_key: str, token: str, state: State, values: dict[str, Any]) -> None:
        current = self.get(job_key)
        if self._select_value("SELECT lease_token FROM jobs WHERE job_key = ?", job_key) != token:
            raise DetachedError(
                "Another run has taken this job over.",
                "Wait for it, or run again.",
                prediction_id=current.prediction_id,
                charge="possible",
            )
        if state not in TRANSITIONS[current.state]:
            raise ValueError(f"A job that is {current.state.value} cannot become {state.value}.")
        if (identity := values.get("prediction_id")) and not job_key.startswith(_BY_ID):
            self._connection.execute("INSERT OR REPLACE INTO predictions VALUES (?, ?)", (identity, job_key))
        self._update(job_key, state=state, lease_beat=self._clock.utc(), **values)

    def _update(self, job_key: str, **values: object) -> None:
        values["updated_at"] = self._clock.utc()
        assignments = ", ".join(f"{name} = ?" for name in values)
        plain = [value.value if isinstance(value, State) else value for value in values.values()]
        self._connection.execute(f"UPDATE jobs SET {assignments} WHERE job_key = ?", (*plain, job_key))

    def _sum_spent_since(self, midnight: float) -> Decimal:
        return sum(
            (
                Decimal(entry.charged or entry.price or 0)
                for entry in self._select("WHERE bought_at >= ?", midnight)
                if entry.state not in COSTS_NOTHING
            ),
            Decimal(0),
        )

    def _add_bought_at(self) -> None:
        """Add a column that earlier versions lack: they know the time of a purchase by the host's clock only."""
        with self._transact():
            columns = {row["name"] for row in self._connection.execute("PRAGMA table_info(jobs)")}
            if "bought_at" not in columns:
                self._connection.execute("ALTER TABLE jobs ADD COLUMN bought_at REAL NOT NULL DEFAULT 0")
                self._connection.execute("UPDATE jobs SET bought_at = submitted_at")

    def _make_salt(self) -> bytes:
        with self._transact():
            self._connection.execute(
                "INSERT OR IGNORE INTO meta VALUES ('salt', ?)", (secrets.token_bytes(16),)
            )
        return bytes(self._select_value("SELECT value FROM meta WHERE name = 'salt'"))

    def _select(self, condition: str, *values: object) -> list[Entry]:
        with self._map_errors():
            rows = self._connection.execute(f"SELECT {_COLUMNS} FROM jobs {condition}", values).fetchall()
        return [self._to_entry(row) for row in rows]

    def _to_entry(self, row: sqlite3.Row) -> Entry:
        try:
            return Entry(**dict(row) | {"state": State(row["state"])})
        except ValueError as exc:
            raise OutputError(
                f"The journal {self.path} has a job that is {row['state']!r}, which this version does not know. "
                "Use the version that wrote it, or a newer one."
            ) from exc

    def _select_value(self, query: str, *values: object) -> Any:
        with self._map_errors():
            row = self._connection.execute(query, values).fetchone()
        return row[0] if row else None

    @contextmanager
    def _transact(self) -> Iterator[None]:
        with self._map_errors():
            # IMMEDIATE locks at once: with a later lock two runs could read the same state, and both go on from it.
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # after some errors SQLite has rolled back by itself
                    self._connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _map_errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as exc:
            raise OutputError(
                f"The journal {self.path} cannot be used ({exc}). Mend that: without it no job is begun, and another "
                "journal does not know what was bought, and would buy it again."
            ) from exc
