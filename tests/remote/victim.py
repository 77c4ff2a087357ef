"""A process that buys: killed by its own hand at a state of the journal, or measured.

victim.py BASE_URL KEY VIDEO AUDIO OUTPUT kill before|after STATE
victim.py BASE_URL KEY VIDEO AUDIO OUTPUT memory SMALL_VIDEO
"""

import asyncio
import os
import resource
import signal
import sys
import time
from pathlib import Path

from latentsync_core.remote import ApiKey, RemoteJob, Settings, remote_lip_sync
from latentsync_core.remote.journal import Journal

SPEED = 200


class FastClock:
    """Real time, two hundred times shorter where it is waited for."""

    def monotonic(self):
        return time.monotonic() * SPEED

    def utc(self):
        return time.time()

    async def sleep(self, seconds):
        await asyncio.sleep(seconds / SPEED)


def die_at(moment, state):
    """Patch the journal: SIGKILL just before, or just after, a job is written down as being in `state`."""
    write = Journal._advance

    def advance(self, job_key, token, new, values):
        if moment == "before" and new.value == state:
            os.kill(os.getpid(), signal.SIGKILL)
        write(self, job_key, token, new, values)
        if moment == "after" and new.value == state:
            self._connection.execute("COMMIT")
            os.kill(os.getpid(), signal.SIGKILL)

    Journal._advance = advance


def buy(base_url, key, video, audio, output):
    settings = Settings(Path(output).parent, ApiKey(key), base_url)
    job = RemoteJob(Path(video), Path(audio), Path(output))
    asyncio.run(remote_lip_sync(job, settings=settings, clock=FastClock()))


def peak_mib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main():
    base_url, key, video, audio, output, what, *more = sys.argv[1:]
    if what == "kill":
        die_at(*more)
        buy(base_url, key, video, audio, output)
    else:
        buy(base_url, key, more[0], audio, output)
        before = peak_mib()
        buy(base_url, key, video, audio, output)
        sys.stdout.write(f"{peak_mib() - before}\n")


main()
