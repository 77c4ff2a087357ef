"""An endpoint under load and under fire, with a stand-in for the computation: `python benchmarks/serve.py`.

First 50 clients order 1,000 tasks at once, beside uploads that trickle in. Then, for each of 20 seeds, a server is
killed (SIGKILL) at random moments while clients order, and started again. Counted: what was lost, or computed twice.
"""

import argparse
import asyncio
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.counted import NoGate, give_compute  # noqa: E402
from latentsync_core.serve import ProcessWorker, ServeSettings, run_endpoint  # noqa: E402

MODEL = "bytedance/latentsync"
WAIT = 300.0
"""Seconds for which a client tries to reach a server that is down."""


def serve(folder, port):
    settings = ServeSettings(Path(folder), port=int(port), keep_seconds=1e9)
    asyncio.run(run_endpoint(settings, NoGate(), ProcessWorker(give_compute), lambda _: None))


class Endpoint:
    """A server in a process of its own, that can be killed and started again."""

    def __init__(self, folder, compute_seconds):
        self.folder, self.starts, self.cpu_seconds, self.peak_bytes = Path(folder), 0, 0.0, 0
        self._environment = os.environ | {"COMPUTE_SECONDS": str(compute_seconds)}
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self.base_url = f"http://127.0.0.1:{self._port}/api/v3"

    def start(self):
        command = [sys.executable, __file__, "server", str(self.folder), str(self._port)]
        self.process = subprocess.Popen(command, env=self._environment)
        self.starts += 1

    def end(self, number=signal.SIGKILL):
        self._look()
        self.process.send_signal(number)
        return self.process.wait(60)

    def _look(self):
        """Add up what the process has used, by /proc."""
        try:
            fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
            status = Path(f"/proc/{self.process.pid}/status").read_text()
        except OSError:
            return
        self.cpu_seconds += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        peak = next((line for line in status.splitlines() if line.startswith("VmHWM")), "VmHWM: 0")
        self.peak_bytes = max(self.peak_bytes, int(peak.split()[1]) * 1024)


@contextmanager
def client(endpoint):
    with httpx.Client(base_url=endpoint.base_url, trust_env=False, verify=False, timeout=60) as web:
        yield web


def insist(ask):
    """Ask until there is a reply, as a client does whose host comes back."""
    end = time.monotonic() + WAIT
    while True:
        try:
            reply = ask()
            if reply.status_code == 200:
                return reply
            assert reply.status_code in (404, 503), (
                reply.text
            )  # an upload that a kill has taken is sent again
        except httpx.TransportError:
            reply = None
        assert time.monotonic() < end
        time.sleep(0.05)


def order(web, name):
    """Upload two media of their own and order a task; return its id, and the seconds of the submit."""
    urls = {}
    for kind in ("audio", "video"):
        form = {"file": (f"{kind}.bin", f"{kind} {name} ".encode() * 100, "video/mp4")}
        reply = insist(lambda form=form: web.post("/media/upload/binary", files=form))
        urls[kind] = reply.json()["data"]["download_url"]
    start = time.monotonic()
    reply = insist(lambda: web.post(f"/{MODEL}", json=urls, headers={"Idempotency-Key": name}))
    return reply.json()["data"]["id"], time.monotonic() - start


def fetch(web, task, name):
    """Wait for a task; return whether its result is its own, or what it ended as."""
    while True:
        found = insist(lambda: web.get(f"/predictions/{task}/result")).json()["data"]
        if found["status"] not in ("created", "processing"):
            break
        time.sleep(0.2)
    if found["status"] != "completed":
        return found["status"]
    content = insist(lambda: web.get(found["outputs"][0])).content
    return content == f"video {name} ".encode() * 100 + f"audio {name} ".encode() * 100


def trickle(endpoint, stop):
    """Hold an upload open, and send a byte now and then."""
    with client(endpoint) as web:
        ticket = web.post("/media/uploads", json={"filename": "slow", "size": 10**6}).json()["data"]
    path = httpx.URL(ticket["upload"]["url"]).path
    with socket.create_connection(("127.0.0.1", httpx.URL(endpoint.base_url).port)) as connection:
        connection.sendall(
            f"PUT {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000000\r\nIf-None-Match: *\r\n\r\n".encode()
        )
        while not stop.wait(0.2):
            connection.sendall(b"x")


def use(endpoint, names):
    """Be one client: order all tasks, then fetch them."""
    with client(endpoint) as web:
        ordered = [(name, *order(web, name)) for name in names]
        return [(task, seconds, fetch(web, task, name)) for name, task, seconds in ordered]


def be_clients(endpoint, clients, tasks):
    names = [[f"client-{c}-task-{n}" for n in range(c, tasks, clients)] for c in range(clients)]
    with ThreadPoolExecutor(clients) as pool:
        return [one for many in pool.map(lambda some: use(endpoint, some), names) for one in many]


def count_runs(folder):
    words = [line.split() for line in (folder / "runs.log").read_text().splitlines()]
    return (Counter(task for what, task in words if what == kind) for kind in ("begins", "ends"))


def judge(endpoint, done, kills):
    """What came of all tasks, in numbers."""
    begun, ended = count_runs(endpoint.folder)
    tasks = {task for task, _, _ in done}
    return {
        "tasks": len(tasks),
        "lost_or_wrong": sum(result is not True for _, _, result in done),
        "computed_twice": sum(number > 1 for number in ended.values()),
        "computed_without_order": len(set(ended) - tasks),
        "begun_anew": sum(begun.values()) - len(tasks),
        "kills": kills,
    }


def measure_load(clients, tasks):
    """Put an endpoint under load; return the figures."""
    with tempfile.TemporaryDirectory() as folder:
        endpoint, stop = Endpoint(folder, 0.0), threading.Event()
        endpoint.start()
        with client(endpoint) as web:
            insist(lambda: web.get("/balance"))
        slow = [threading.Thread(target=trickle, args=(endpoint, stop)) for _ in range(10)]
        for thread in slow:
            thread.start()
        start = time.monotonic()
        done = be_clients(endpoint, clients, tasks)
        seconds = time.monotonic() - start
        stop.set()
        for thread in slow:
            thread.join()
        code = endpoint.end(signal.SIGTERM)
        submits = sorted(took for _, took, _ in done)
        return judge(endpoint, done, 0) | {
            "clients": clients,
            "seconds": round(seconds, 1),
            "submit_ms_median": round(submits[len(submits) // 2] * 1000),
            "submit_ms_99th": round(submits[len(submits) * 99 // 100] * 1000),
            "server_cpu_ms_a_task": round(endpoint.cpu_seconds / tasks * 1000, 1),
            "server_peak_mb": round(endpoint.peak_bytes / 1e6),
            "exit_code_after_sigterm": code,
        }


def measure_chaos(seed, kills=5, tasks=24):
    """Kill an endpoint at random moments while it is used; return the figures."""
    dice = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        endpoint = Endpoint(folder, 0.15)
        endpoint.start()
        with ThreadPoolExecutor(1) as pool, client(endpoint) as web:
            work = pool.submit(be_clients, endpoint, 6, tasks)
            struck = 0
            while struck < kills and not work.done():
                insist(lambda: web.get("/balance"))
                time.sleep(dice.uniform(0.0, 1.5))
                endpoint.end()
                struck += 1
                endpoint.start()
            done = work.result()
        endpoint.end(signal.SIGTERM)
        return judge(endpoint, done, struck) | {"seed": seed}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=1000)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seeds", type=int, default=20)
    arguments = parser.parse_args()
    print(json.dumps(measure_load(arguments.clients, arguments.tasks), indent=1), flush=True)
    for seed in range(arguments.seeds):
        print(json.dumps(measure_chaos(seed)), flush=True)


if __name__ == "__main__":
    serve(*sys.argv[2:]) if sys.argv[1:2] == ["server"] else main()
