"""Uploads a file of so many megabytes and prints the peak of this process's memory in KiB."""

import asyncio
import resource
import sys
from pathlib import Path

from latentsync_core.remote import ApiKey, Settings
from latentsync_core.remote.api import Api
from latentsync_core.remote.clock import SYSTEM_CLOCK
from latentsync_core.remote.exchange import open_client
from latentsync_core.remote.prepare import MediaFile
from latentsync_core.remote.upload import upload


async def main(base_url: str, key: str, megabytes: str) -> None:
    path = Path("big.mp4")
    size = int(megabytes) * 10**6
    with path.open("wb") as file:
        file.truncate(size)
    settings = Settings(Path("state"), ApiKey(key), base_url)
    ticks = []
    async with open_client(settings, None) as client:
        api = Api(client, settings, ApiKey(key), SYSTEM_CLOCK)
        await upload(api, MediaFile(path, "video.mp4", "video/mp4", size), lambda done, _: ticks.append(done))
    assert ticks[-1] == size
    sys.stdout.write(str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))


asyncio.run(main(*sys.argv[1:]))
