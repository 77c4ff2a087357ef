"""Uploads as the store keeps them, and where they lie."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .store import Store

TICKET_SECONDS = 3600.0
"""How long a ticket takes a file."""

NAMES = {
    "video/mp4": "video.mp4",
    "video/quicktime": "video.mov",
    "video/webm": "video.webm",
    "video/x-matroska": "video.mkv",
    "audio/mpeg": "audio.mp3",
    "audio/aac": "audio.aac",
    "audio/wav": "audio.wav",
    "audio/x-wav": "audio.wav",
    "audio/mp4": "audio.m4a",
    "audio/x-m4a": "audio.m4a",
    "audio/flac": "audio.flac",
    "audio/ogg": "audio.ogg",
}
"""The name in the URL of an upload by its type: clients look at its suffix. Other types are plain bytes here."""


@dataclass(frozen=True)
class StoredUpload:
    """A file that was uploaded, or for which a ticket was given."""

    token: str
    """Part of the URL for reading: who has it may read the file, and may give it to a task."""
    put_token: str
    """Part of the URL for writing."""
    account: str
    mime: str
    """As the client says, or "" where it says nothing or names a type that is not in NAMES."""
    size: int
    """Bytes."""
    created_at: float
    complete: bool

    @property
    def name(self) -> str:
        """The last part of its URL."""
        return NAMES.get(self.mime, "file.bin")

    @property
    def kind(self) -> str:
        """The contract's `type`: video, audio or other."""
        return self.mime.partition("/")[0] or "other"


class Uploads:
    """All uploads of an endpoint, each a file named after its token."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.folder = store.folder / "uploads"
        self.folder.mkdir(mode=0o700, exist_ok=True)

    def add(self, account: str, mime: str, size: int) -> StoredUpload:
        """Add an upload whose file is to come."""
        tokens = {"token": secrets.token_urlsafe(24), "put_token": secrets.token_urlsafe(24)}
        told = {"account": account, "mime": mime if mime in NAMES else "", "size": size}
        self._store.insert("uploads", {**tokens, **told, "created_at": self._store.now(), "complete": False})
        return self._select("token = ?", tokens["token"])[0]

    def find(self, token: str) -> StoredUpload | None:
        """Return a complete upload."""
        return next(iter(self._select("token = ? AND complete", token)), None)

    def find_ticket(self, put_token: str) -> StoredUpload | None:
        """Return the upload of a ticket that has not expired."""
        since = self._store.now() - TICKET_SECONDS
        return next(iter(self._select("put_token = ? AND created_at >= ?", put_token, since)), None)

    def place(self, upload: StoredUpload, part: Path) -> None:
        """Put a received file in its place; raises FileExistsError where one is there already."""
        os.link(part, self.path_of(upload))
        self._store.execute("UPDATE uploads SET complete = 1 WHERE token = ?", upload.token)

    def path_of(self, upload: StoredUpload) -> Path:
        """Return where the file of an upload is, or comes to be."""
        return self.folder / upload.token

    def remove_before(self, time: float) -> None:
        """Remove the uploads from before a time; tasks have links of their own."""
        for upload in self._select("created_at < ?", time):
            self._store.execute("DELETE FROM uploads WHERE token = ?", upload.token)
            self.path_of(upload).unlink(missing_ok=True)

    def remove_strays(self) -> None:
        """Remove files that no row knows, and rows whose file a killed server did not get to."""
        known = {upload.token for upload in self._select("complete")}
        for path in self.folder.iterdir():
            if path.name not in known:
                path.unlink()

    def _select(self, condition: str, *values: object) -> list[StoredUpload]:
        rows: list[dict[str, Any]] = self._store.select(f"SELECT * FROM uploads WHERE {condition}", *values)
        return [StoredUpload(**row | {"complete": bool(row["complete"])}) for row in rows]
