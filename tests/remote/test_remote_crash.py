"""A process that is killed at any moment: the next one comes to the same end, with one charge."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from remote.test_remote_flow import Desk

from latentsync_core import errors
from latentsync_core.remote import State

STATES = ["new", "prepared", "uploaded", "quoted", "posted", "running", "completed", "downloaded", "done"]
pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")


@pytest.fixture
def desk(fake, clip, speech, tmp_path):
    fake.queue_seconds = fake.run_seconds = 0
    return Desk(fake, clip, speech, tmp_path)


def crash(desk, state):
    script = Path(__file__).with_name("crash_once.py")
    words = [desk.fake.base_url, desk.fake.key, desk.job.video, desk.job.audio, desk.folder, state]
    environ = dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path))
    done = subprocess.run(
        [sys.executable, script, *map(str, words)], capture_output=True, text=True, env=environ
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.mark.parametrize("state", STATES)
def test_killed_and_started_again(desk, state):
    crash(desk, state)
    result = desk.run()
    assert desk.bought == 1 and result.path.exists() and desk.entry.state is State.DONE
    assert desk.left == ["out.mp4", "state"] and desk.fake.violations == []


def test_killed_before_the_post_nothing_is_bought_without_a_word(desk):
    """From the journal alone this cannot be told from a POST that arrived."""
    crash(desk, "submitting")
    desk.fails(errors.UnknownOutcomeError, "the run was stopped")
    assert desk.bought == 0
    assert desk.run(take=2).path.exists() and desk.bought == 1
