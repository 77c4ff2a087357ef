"""A pool of workers in this process and beside it: order, bounds, deaths, refusals, ends."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from pool.stand_in import StandIn, expected, task

from latentsync_core.errors import PoolError, WeightsMissingError
from latentsync_core.partial import process_exists
from latentsync_core.pool import StuckLimit, WindowPool, WorkerHere, WorkerProcess

TESTS = Path(__file__).resolve().parents[1]


def here(**settings):
    return partial(WorkerHere, StandIn(**settings)())


def process(**settings):
    return partial(WorkerProcess, StandIn(**settings))


@pytest.mark.parametrize("worker", [here, process])
def test_every_window_comes_back_and_is_made_once(tmp_path, worker):
    with WindowPool([worker(journal=str(tmp_path))] * 2) as pool:
        futures = [pool.submit(task(number)) for number in range(12)]
        for number, future in enumerate(futures):
            made = future.result(20)
            assert (made.latents == expected(number)).all() and made.latents.shape == (1, 1, 4, 1, 1)
            assert np.array_equal(made.mouths, task(number).crops + 1)
        assert pool.to_json()["workers"][0]["place"] == "a stand-in" and "worker" in str(pool)
    assert len(list(tmp_path.iterdir())) == 12


class Slow:
    """Workers that hold what they are sent until they are let go."""

    def __init__(self):
        self.held, self.most, self.gate = 0, 0, threading.Event()

    def __call__(self):
        return SlowWorker(self)


class SlowWorker(WorkerHere):
    def __init__(self, all_of_them):
        super().__init__(StandIn()())
        self._all = all_of_them

    def send(self, task):
        self._all.held += 1
        self._all.most = max(self._all.most, self._all.held)
        super().send(task)

    def receive(self):
        while not self._all.gate.wait(0.01):
            self._check()
        self._all.held -= 1
        return super().receive()


def test_slow_workers_hold_two_windows_each_and_the_others_are_not_taken():
    slow, taken = Slow(), []
    with WindowPool([slow] * 8) as pool:
        feeder = threading.Thread(
            target=lambda: [taken.append(pool.submit(task(number))) for number in range(60)]
        )
        feeder.start()
        time.sleep(0.3)
        assert slow.most <= 16 and len(taken) <= 17
        slow.gate.set()
        feeder.join(10)
        assert [future.result(10).latents[0, 0, 0, 0, 0] for future in taken] == [
            expected(n) for n in range(60)
        ]
        assert slow.most <= 16


def test_a_dead_workers_windows_are_made_by_another_one(tmp_path):
    """One of two processes is killed in the middle of its work: nothing is lost, and one window is begun twice."""
    with WindowPool([process(journal=str(tmp_path), seconds=0.05)] * 2) as pool:
        futures = [pool.submit(task(number)) for number in range(4)]
        futures[0].result(20)
        os.kill(int(next(tmp_path.iterdir()).name.split(".")[1]), signal.SIGKILL)
        futures += [pool.submit(task(number)) for number in range(4, 12)]
        for number, future in enumerate(futures):
            assert (future.result(20).latents == expected(number)).all()
        (death,) = pool.to_json()["deaths"]
    assert "SIGKILL" in death and len(list(tmp_path.iterdir())) <= 13


@pytest.mark.parametrize(("name", "cause"), [("kills it", "SIGKILL"), ("odd", "unspecified launch failure")])
def test_a_window_that_ends_three_workers_is_an_error_that_names_it(tmp_path, name, cause):
    with WindowPool([process(journal=str(tmp_path))]) as pool:
        bad, good = pool.submit(task(0, name)), pool.submit(task(1))
        with pytest.raises(PoolError, match=f"^{name} ended 3 workers.*{cause}.*{cause}.*{cause}"):
            bad.result(60)
        assert (good.result(20).latents == expected(1)).all()
    assert len([path for path in tmp_path.iterdir() if path.name.startswith(name)]) == 3


@pytest.mark.parametrize("name", [pytest.param("stuck", marks=pytest.mark.slow), "stuck, stopped"])
def test_a_stuck_worker_is_ended_and_its_windows_go_to_others(tmp_path, name):
    """It sleeps for an hour, or is stopped by a signal, so that it does not even take what it is sent."""
    with WindowPool([process(journal=str(tmp_path))] * 2, limit=StuckLimit(least=4, first=4)) as pool:
        futures = [pool.submit(task(number, "" if number else name, size=256)) for number in range(6)]
        for number, future in enumerate(futures):
            assert (future.result(60).latents == expected(number, 256)).all()
        assert "stuck, and ended after" in pool.to_json()["deaths"][0]


def test_a_window_may_take_far_longer_than_others_of_its_kind():
    limit = StuckLimit(least=10, first=100)
    assert limit.seconds("a") == 100
    limit.note("a", 0.1)
    limit.note("b", 3)
    limit.note("b", 1)
    assert (limit.seconds("a"), limit.seconds("b"), limit.seconds("c")) == (10, 60, 100)


@pytest.mark.parametrize("worker", [here, process])
def test_a_window_that_cannot_be_made_is_an_error_and_the_worker_goes_on(worker):
    with WindowPool([worker()]) as pool:
        bad, good = pool.submit(task(0, "raises")), pool.submit(task(1))
        with pytest.raises(WeightsMissingError, match="raises cannot be made"):
            bad.result(20)
        assert good.result(20) and pool.to_json()["deaths"] == []


@pytest.mark.parametrize(
    ("first", "other", "mixed", "words"),
    [({"networks": "a"}, {"networks": "b"}, True, "different networks"), ({}, {"device": "another"}, False, "--mixed"), ({}, {"device": "another"}, True, "")],
)  # fmt: skip
def test_a_pool_of_unlike_workers_is_refused(first, other, mixed, words):
    with WindowPool([here(**first), here(**other)], mixed=mixed) as pool:
        deadline = time.monotonic() + 5
        while len(pool.to_json()["workers"]) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        if not words:
            assert pool.submit(task(1)).result(5)
            return
        with pytest.raises(PoolError, match=words):
            pool.submit(task(1))


def test_networks_that_cannot_be_loaded_are_told_at_once():
    with WindowPool([process(broken="no checkpoint here")]) as pool:
        with pytest.raises(WeightsMissingError, match="no checkpoint here"):
            pool.wait_for_worker()


def test_workers_that_never_start_are_given_up():
    with WindowPool([process(broken="dies")]) as pool:
        with pytest.raises(PoolError, match="No worker can be kept.*exit code 7"):
            pool.submit(task(0)).result(30)


class Pending(WorkerHere):
    def wait_until_loaded(self, seconds):
        time.sleep(seconds)


def test_a_pool_without_workers_waits_so_long_and_no_longer():
    with WindowPool([partial(Pending, StandIn()())], patience=0.6) as pool:
        with pytest.raises(PoolError, match="no worker for 1 s"):
            pool.submit(task(0)).result(10)


def test_a_window_that_nobody_wants_any_more_is_not_made(tmp_path):
    slow = Slow()
    with WindowPool([slow]) as pool:
        kept = [pool.submit(task(number)) for number in range(3)]
        assert kept[2].cancel()
        slow.gate.set()
        assert pool.submit(task(5)).result(5) and slow.most == 2


@pytest.mark.parametrize("worker", [partial(here, seconds=0.05), partial(process, seconds=30)])
def test_closing_ends_everything_at_once(worker):
    began = time.monotonic()
    pool = WindowPool([worker()] * 2)
    futures = [pool.submit(task(number)) for number in range(3)]
    pool.close()
    assert time.monotonic() - began < 15
    assert all(future.exception(5) or future.result() for future in futures)
    with pytest.raises(PoolError, match="closed"):
        pool.submit(task(0))


def test_a_worker_ends_with_the_process_that_it_works_for(tmp_path):
    code = (
        "import os, signal, sys, time; sys.path.insert(0, sys.argv[1])\n"
        "from functools import partial\nfrom pathlib import Path\n"
        "from latentsync_core.pool import WindowPool, WorkerProcess\nfrom pool.stand_in import StandIn, task\n"
        "if __name__ == '__main__':\n"
        "    pool = WindowPool([partial(WorkerProcess, StandIn(seconds=60, journal=sys.argv[2]))])\n"
        "    pool.submit(task(0))\n"
        "    while not list(Path(sys.argv[2]).iterdir()): time.sleep(0.05)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    script = tmp_path / "driver.py"
    script.write_text(code)
    (tmp_path / "journal").mkdir()
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run(
        [sys.executable, script, str(TESTS), str(tmp_path / "journal")], env=environment, timeout=60
    )
    worker = int(next((tmp_path / "journal").iterdir()).name.split(".")[1])
    deadline = time.monotonic() + 10
    while process_exists(worker) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not process_exists(worker)


def test_one_file_imports_ray_and_no_node_makes_workers():
    """ComfyUI's process is its own: nothing in it starts a Ray cluster or joins one."""
    root = TESTS.parent

    def importing(folder, module):
        line = re.compile(rf"^\s*(from|import) [.\w]*\b{module}\b", re.MULTILINE)
        return [path.name for path in (root / folder).rglob("*.py") if line.search(path.read_text("utf-8"))]

    assert importing("latentsync_core", "ray") == ["cluster.py"]
    assert importing("nodes", "pool") == importing("nodes", "ray") == []
