"""An endpoint for tests: in a thread of its own, with stand-ins for what measures and computes."""

import asyncio
import os
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import httpx

from latentsync_core.serve import ServeSettings, open_endpoint
from latentsync_core.serve.accounts import Account
from latentsync_core.serve.failure import TaskFailure

KEY, OTHER_KEY = "wsk_test_0123456789abcdef", "wsk_test_fedcba9876543210"
MODEL = "bytedance/latentsync"
ALL_TIME = {"created_after": "2020-01-01T00:00:00Z", "created_before": "2120-01-01T00:00:00Z"}
PATIENCE = 20.0


class StandInGate:
    """Takes every file: its seconds are its bytes / 1000."""

    async def measure(self, kind, path):
        if path.read_bytes().startswith(b"bad"):
            raise TaskFailure(1401, f"the {kind} is not a video or audio file")
        return path.stat().st_size / 1000

    def close(self):
        pass


class StandInWorker:
    """Computes at once, or when `held` ends: the result is the video, then the audio."""

    def __init__(self):
        self.held = False
        self.begun, self.finished = [], []
        """Ids of tasks."""

    async def start(self):
        pass

    async def compute(self, folder, tell):
        self.begun.append(folder.root.name)
        tell("resync", 1, 2)
        while self.held:
            await asyncio.sleep(0.005)
        video, audio = (folder.media[kind].read_bytes() for kind in ("video", "audio"))
        if video.startswith(b"impossible"):
            raise TaskFailure(1401, "No face was found.")
        folder.result.write_bytes(video + audio)
        folder.keep_outcome(7)
        self.finished.append(folder.root.name)
        return 7

    def close(self):
        pass


class Served:
    """A running endpoint; `web` asks it with a key, `bare` without."""

    def __init__(self, folder: Path, *, worker=None, gate=None, keys=True, now=time.time, **settings):
        self.folder = folder / "state"
        self.worker, self.gate = worker or StandInWorker(), gate or StandInGate()
        self.key, self._now = KEY, now
        if keys:
            settings["keys"] = folder / "keys"
            settings["keys"].write_text(f"# clients\nanna {KEY}\nben {OTHER_KEY}\n" if keys is True else keys)
            settings["keys"].chmod(0o600)
        self.settings = ServeSettings(self.folder, port=settings.pop("port", 0), **settings)

    def __enter__(self):
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._opened = open_endpoint(self.settings, self.gate, self.worker, self._now)
        self.endpoint, self.port, self.work = self.on_loop(self._opened.__aenter__())
        self.store = self.endpoint.tasks._store
        self.origin = f"http://127.0.0.1:{self.port}"
        self.base_url = f"{self.origin}/api/v3"
        self._clients = ExitStack()
        self.bare = self._clients.enter_context(httpx.Client(trust_env=False, verify=False))
        self.web, self.other = (self._log_in(key) for key in (KEY, OTHER_KEY))
        return self

    def _log_in(self, key):
        headers = {"Authorization": f"Bearer {key}"}
        client = httpx.Client(base_url=self.base_url, headers=headers, trust_env=False, verify=False)
        return self._clients.enter_context(client)

    def __exit__(self, *exc):
        self._clients.close()
        self.on_loop(self._opened.__aexit__(None, None, None))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def on_loop(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)

    def ask(self, function):
        """Call a function in the thread of the endpoint, in which its store is used."""

        async def call():
            return function()

        return self.on_loop(call())

    def until(self, condition):
        """Wait until something is so."""
        end = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < end
            time.sleep(0.005)

    def count(self, which="1"):
        """How many tasks are in the books, of those that an SQL condition takes."""
        query = f"SELECT COUNT(*) AS n FROM tasks WHERE {which}"
        return self.ask(lambda: self.store.select(query)[0]["n"])

    def give_credit(self, dollars):
        """Change what the first key may spend."""
        known = self.endpoint.accounts._known
        known[0] = (known[0][0], Account("anna", int(dollars * 10**6)))

    def upload(self, content: bytes, mime="video/mp4", web=None):
        """Upload by a ticket, and return the URL."""
        ticket = {"filename": "a.bin", "size": len(content), "content_type": mime}
        data = (web or self.web).post("/media/uploads", json=ticket).json()["data"]
        reply = self.bare.put(data["upload"]["url"], content=content, headers=data["upload"]["headers"])
        assert reply.status_code == 200, reply.text
        return data["download_url"]

    def inputs(self, video=b"video", audio=b"audio"):
        return {"video": self.upload(video), "audio": self.upload(audio, "audio/wav")}

    def submit(self, inputs=None, web=None, **more):
        """Submit a task and return its id."""
        reply = (web or self.web).post(f"/{MODEL}", json=inputs or self.inputs(), **more)
        assert reply.status_code == 200, reply.text
        return reply.json()["data"]["id"]

    def look(self, task_id):
        return self.web.get(f"/predictions/{task_id}/result").json()["data"]

    def wait(self, task_id, status="completed"):
        """Return a task as soon as it has a status."""
        end = time.monotonic() + PATIENCE
        while (task := self.look(task_id))["status"] != status:
            assert time.monotonic() < end and task["status"] in ("created", "processing"), task
            time.sleep(0.005)
        return task

    def files(self):
        """Names of all files that are kept, apart from the books."""
        # os.walk passes over folders that the endpoint removes meanwhile, Path.rglob fails on them.
        found = {
            Path(folder, name).relative_to(self.folder).as_posix()
            for folder, _, names in os.walk(self.folder)
            for name in names
        }
        return {name for name in found if not name.startswith("tasks.sqlite3")}
