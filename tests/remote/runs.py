"""One run of the client against the fake host, and all traces that it leaves."""

import asyncio
import json
import logging
import traceback
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from remote.fake_wavespeed import AsyncImpatientTransport, FakeWaveSpeed

from latentsync_core.errors import LatentSyncError
from latentsync_core.remote import ApiKey, RemoteJob, RemoteResult, Settings, remote_lip_sync

LARGEST_RESULT = 2**20
"""Bytes: what the fake sends without end is stopped there."""
QUIET = {"remote.sqlite3", "remote.sqlite3-wal", "remote.sqlite3-shm", "out.mp4", "out.bad"}
"""What a run may leave behind."""


@dataclass
class Bench:
    """A client's side of things in one folder: journal, output, and what is logged."""

    fake: FakeWaveSpeed
    folder: Path
    video: Path
    audio: Path
    record_log: bool = True
    """Whether to record what is logged."""
    log: list[str] = field(default_factory=list)

    @property
    def output(self) -> Path:
        return self.folder / "out.mp4"

    def settings(self) -> Settings:
        key = ApiKey(self.fake.key)
        return Settings(self.folder, key, self.fake.base_url, largest_result=LARGEST_RESULT)

    def run(self, take: int = 1, **more) -> RemoteResult | LatentSyncError:
        """Run the job; return its result, or the error of the library. Any other exception is a bug and passes through."""
        job = RemoteJob(self.video, self.audio, self.output, take=take)
        options = {
            "settings": self.settings(),
            "clock": self.fake.clock,
            "transport": AsyncImpatientTransport(),
        }
        with _LogRecorder(self.log) if self.record_log else nullcontext():
            try:
                result = asyncio.run(remote_lip_sync(job, **options | more))
                self.log += [str(result), json.dumps(result.report())]
                return result
            except LatentSyncError as error:
                self.log.append("".join(traceback.format_exception(error)))
                return error

    def list_traces(self) -> Iterator[str]:
        """Yield what a run should not leave: secrets, files, requests against the contract."""
        yield from (f"leak: {line}" for line in self.list_leaks())
        yield from (f"leftover: {name}" for name in self.list_leftovers())
        yield from self.fake.violations

    def list_leaks(self) -> list[str]:
        """Return where the key or a signature can be read: log, errors, files."""
        secrets = (self.fake.key, self.fake.signature)
        found = [line for line in self.log if any(secret in line for secret in secrets)]
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        return found + [path.name for path in files if any(s.encode() in path.read_bytes() for s in secrets)]

    def list_leftovers(self) -> set[str]:
        """Return the names of files that should not be left."""
        return {path.name for path in self.folder.rglob("*")} - QUIET


class _LogRecorder(logging.Handler):
    """Records everything that any logger logs, at DEBUG."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__(logging.DEBUG)
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(f"{record.name} {self.format(record)}")

    def __enter__(self) -> None:
        root = logging.getLogger()
        self._level = root.level
        root.setLevel(logging.DEBUG)
        root.addHandler(self)

    def __exit__(self, *_: object) -> None:
        root = logging.getLogger()
        root.removeHandler(self)
        root.setLevel(self._level)
