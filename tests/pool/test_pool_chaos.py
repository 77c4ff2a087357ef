"""Workers, nodes and drivers die at random moments: the frames are always the same, and little is made twice."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from support.tiny import golden_checkpoint

pytest.importorskip("ray", reason="the extra `cluster` is not installed")
pytestmark = pytest.mark.slow

DRIVER = Path(__file__).with_name("chaos_driver.py")
MOST_SECONDS = 60
"""Without anything new."""


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return golden_checkpoint(tmp_path_factory.mktemp("chaos") / "checkpoint")


@pytest.fixture(scope="module")
def undisturbed(checkpoint, tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    start_driver("", checkpoint, folder).wait(120)
    return (folder / "sha256").read_text()


def start_driver(address, checkpoint, folder):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    log = (folder / "log.txt").open("a")
    return subprocess.Popen(
        [sys.executable, DRIVER, address, checkpoint, folder], env=environment, stdout=log, stderr=log
    )


class Chaos:
    """Kills by a seed, and watches that things go on."""

    def __init__(self, seed, cluster, checkpoint, folder):
        self.random, self.cluster = random.Random(seed), cluster
        self.checkpoint, self.folder, self.kills = checkpoint, folder, []
        self.driver = start_driver(cluster.address, checkpoint, folder)

    def run(self):
        for kind in self.random.choices(["worker", "node", "driver"], k=self.random.randint(1, 3)):
            if self.go_on(self.random.uniform(0, 1.5)):
                break
            getattr(self, f"kill_{kind}")()
        while not self.go_on(MOST_SECONDS):
            pass
        self.driver.wait(MOST_SECONDS)

    def go_on(self, seconds):
        """Let it run until a window was begun and so many seconds are over; return whether it has ended."""
        begun, deadline = len(self.journal()), time.monotonic() + MOST_SECONDS
        until = None
        while not (self.folder / "sha256").exists():
            assert time.monotonic() < deadline, (self.folder / "log.txt").read_text()
            assert self.driver.poll() in (None, 0), (self.folder / "log.txt").read_text()
            if len(self.journal()) > begun:
                begun, deadline = len(self.journal()), time.monotonic() + MOST_SECONDS
                until = until or time.monotonic() + seconds
            if until and time.monotonic() > until:
                return False
            time.sleep(0.05)
        return True

    def journal(self):
        folder = self.folder / "journal"
        return sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns) if folder.is_dir() else []

    def kill_worker(self):
        pid = int(self.journal()[-1].name.split(".")[1])
        try:
            os.kill(pid, signal.SIGKILL)
            self.kills.append("worker")
        except ProcessLookupError:
            pass

    def kill_node(self):
        node = self.random.choice(sorted(self.cluster.worker_nodes, key=lambda node: node.node_id))
        self.cluster.remove_node(node, allow_graceful=False)
        self.kills.append("node")
        self.cluster.add_node(num_cpus=1)

    def kill_driver(self):
        self.driver.kill()
        self.driver.wait()
        self.kills.append("driver")
        self.driver = start_driver(self.cluster.address, self.checkpoint, self.folder)


@pytest.mark.parametrize("seed", range(20))
def test_whatever_dies_the_frames_are_the_same(ray_cluster, checkpoint, undisturbed, tmp_path, seed):
    chaos = Chaos(seed, ray_cluster, checkpoint, tmp_path)
    try:
        chaos.run()
    finally:
        chaos.driver.kill()
    assert (tmp_path / "sha256").read_text() == undisturbed
    made = Counter(path.name.split(".")[0] for path in chaos.journal())
    assert len(made) == int(undisturbed.split()[1]) and max(made.values()) <= 1 + len(chaos.kills), (
        chaos.kills
    )
