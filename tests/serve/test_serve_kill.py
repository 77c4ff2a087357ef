"""kill -9 at every state, and SIGTERM: nothing is lost, nothing is computed twice."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import httpx
from serve.served import MODEL, PATIENCE

ROOT = Path(__file__).parents[2]
MOMENTS = ["after created", "after ready", "after processing", "before completed", "after completed"]
"""Before `completed` is on disk, the result is there already."""
MEDIA = {"video": b"the video", "audio": b"the audio"}


@contextmanager
def victim(folder, moment="never", state=""):
    """A server in a process of its own; gives the process and a client."""
    command = [sys.executable, str(Path(__file__).with_name("victim.py")), str(folder), moment, state]
    environment = os.environ | {
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}",
        "COMPUTE_SECONDS": "0.05",
    }
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        address = process.stdout.readline().strip()
        with httpx.Client(base_url=f"{address}/api/v3", trust_env=False, verify=False) as web:
            yield process, web
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def upload(web):
    """Upload both media, and return their URLs by name."""
    forms = {name: {"file": (name, content, "video/mp4")} for name, content in MEDIA.items()}
    replies = {name: web.post("/media/upload/binary", files=form).json() for name, form in forms.items()}
    return {name: reply["data"]["download_url"] for name, reply in replies.items()}


def order(web, inputs, key):
    """Submit as a careful client: a reply that does not come is no reply."""
    try:
        return web.post(f"/{MODEL}", json=inputs, headers={"Idempotency-Key": key}).json()["data"]["id"]
    except httpx.TransportError:
        return None


def wait(web, task):
    end = time.monotonic() + PATIENCE
    while (found := web.get(f"/predictions/{task}").json()["data"])["status"] != "completed":
        assert time.monotonic() < end and found["status"] != "failed", found
        time.sleep(0.01)
    return found


def counts(folder):
    """How often each task began, and how often it ended."""
    lines = (folder / "runs.log").read_text().split("\n")
    words = [line.split() for line in lines if line]
    return (Counter(task for what, task in words if what == kind) for kind in ("begins", "ends"))


def check_all(folder, web, tasks):
    """Wait for all tasks; each has its result, and no result was made twice. Return how often a computation began."""
    for task in tasks:
        url = httpx.URL(wait(web, task)["outputs"][0])
        assert web.get(url.copy_with(host=web.base_url.host, port=web.base_url.port)).content == b"".join(
            MEDIA.values()
        )
    begun, ended = counts(folder)
    assert set(begun) == set(tasks) and max(ended.values()) == 1
    return sum(begun.values())


def test_killed_at_every_state_and_then_asked_to_end(tmp_path):
    """One server after the other in one folder: each is killed at a step of its own task, and takes up those before."""
    orders = []
    for key, moment in enumerate(MOMENTS):
        with victim(tmp_path, *moment.split()) as (process, web):
            inputs = upload(web)
            orders.append((str(key), inputs, order(web, inputs, str(key))))
            assert process.wait(PATIENCE) == -signal.SIGKILL, moment
    with victim(tmp_path) as (process, web):
        orders += [(f"last-{number}", inputs, None) for number in range(4)]
        tasks = [order(web, inputs, key) for key, inputs, _ in orders]
        assert all(known in (None, task) for (_, _, known), task in zip(orders, tasks, strict=True))
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
    with victim(tmp_path) as (_, web):
        assert tasks == [order(web, inputs, key) for key, inputs, _ in orders]
        assert check_all(tmp_path, web, tasks) <= len(tasks) + 2  # two were stopped within the computation
