"""Runs a job and kills itself, as kill -9 does, right after the journal has reached a state.

Arguments: base URL, key, video, audio, folder, state; "posted" is the moment between the submit's POST and its reply.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

from latentsync_core.remote import ApiKey, Journal, RemoteJob, Settings, remote_lip_sync
from latentsync_core.remote.api import Api
from latentsync_core.remote.clock import SystemClock


class Hurried(SystemClock):
    """Waits a tenth of the time."""

    async def sleep(self, seconds):
        await super().sleep(seconds / 10)


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def dying_after(kind, name, wanted):
    """Wrap a method of the journal: when the job is in the wanted state on disk, this process ends."""
    method = getattr(kind, name)

    def wrapped(self, *arguments, **values):
        entry = method(self, *arguments, **values)
        if entry.state.value == wanted:
            die()
        return entry

    setattr(kind, name, wrapped)


async def submit_and_die(self, model, inputs):
    await self.call("POST", model, dict(inputs))
    die()


def main(base_url, key, video, audio, folder, state):
    for name in ("open", "advance", "begin_submit"):
        dying_after(Journal, name, state)
    if state == "posted":
        Api.submit = submit_and_die
    job = RemoteJob(Path(video), Path(audio), Path(folder) / "out.mp4")
    settings = Settings(Path(folder) / "state", ApiKey(key), base_url)
    asyncio.run(remote_lip_sync(job, settings=settings, clock=Hurried()))


main(*sys.argv[1:])
