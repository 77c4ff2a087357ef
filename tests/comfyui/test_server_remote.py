"""Remote and Remote Jobs in a real server, against the fake host: bought once, stopped at once, picked up, cached."""

import os
import tempfile
import time
from pathlib import Path

import pytest
from comfy_server import ROOT, ComfyServer, example, install, known_inputs, of_type, workflow
from frontend import CHROMIUM, opened
from support.prompts import hosted

PICTURE = ROOT / "output" / "comfyui" / "remote_done.jpg"


@pytest.fixture(scope="module")
def host():
    from remote.fake_wavespeed import FakeWaveSpeed

    with FakeWaveSpeed(queue_seconds=0.5, run_seconds=0.5) as fake:
        yield fake
        assert fake.violations == []


@pytest.fixture
def fake(host):
    """The fake host; `take` numbers purchases so that no test meets another's."""
    host.run_seconds = 0.5
    return host


@pytest.fixture(scope="module")
def server(host):
    """A server whose environment names the fake host."""
    named = {"WAVESPEED_BASE_URL": host.base_url, "WAVESPEED_API_KEY": host.key}
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory(prefix="comfyui-remote-") as base:
        for name, value in (named | {"WAVESPEED_ALLOW_INSECURE_LOOPBACK": "1"}).items():
            patch.setenv(name, value)
        patch.delenv("LATENTSYNC_STATE_DIR", raising=False)
        install(Path(base))
        with ComfyServer(Path(os.environ["COMFYUI_DIR"]), Path(base)) as running:
            yield running


def saved(run):
    """The files that nodes behind Remote saved, without the one that it plays itself."""
    return [path for path in run.files() if path.parts[0] != "latentsync_remote"]


def remote_prompt(**changes):
    """The committed example, with other settings of the Remote node."""
    prompt = workflow("09_remote")
    (remote,) = of_type(prompt, "LatentSyncRemote")
    prompt[remote]["inputs"] |= changes
    return prompt


def test_the_example_runs_as_it_is(server, fake):
    from latentsync_core import FileClip

    run = server.run(workflow("09_remote"), 60)
    assert run.end[0] == "execution_success", run.end[1]
    (task,) = fake.ledger.tasks
    assert task.id in run.text() and "cost: $0.15" in run.text() and fake.ledger.dollars == 0.15
    (file,) = saved(run)
    assert FileClip(server.base / "output" / file).has_audio


@pytest.mark.skipif(not CHROMIUM, reason="needs Chromium: CHROMIUM names the program, or it is on PATH")
def test_the_example_opens_and_runs_in_the_browser(server, fake):
    pytest.importorskip("playwright", reason="needs playwright")
    before = len(fake.ledger.tasks)
    with opened(server.url) as page:
        page.open(example("09_remote"))
        assert page.missing() == []
        assert known_inputs(server, page.prompt()) == known_inputs(server, workflow("09_remote"))
        page.queue()
        status = server.newest_status()
        assert status["status_str"] == "success", status["messages"]
        page.screenshot(PICTURE)
    assert len(fake.ledger.tasks) == max(1, before)  # the same graph again buys nothing


def test_stopped_picked_up_cached_listed(server, fake):
    prompt, fake.run_seconds = remote_prompt(take=2), 600.0
    fake.calls.clear()
    before = len(fake.ledger.tasks)
    first = server.queue(prompt)
    asked = time.monotonic()
    while not any("result" in call for call in fake.calls):
        assert time.monotonic() < asked + 60, fake.calls
        time.sleep(0.05)
    stopped = time.monotonic()
    server.post("/interrupt", {})
    assert server.finish(first, 60).end[0] == "execution_interrupted" and time.monotonic() - stopped < 1
    fake.clock.advance(600)
    second = server.run(prompt, 60)
    task = fake.ledger.tasks[-1].id
    assert second.end[0] == "execution_success", second.end[1]
    assert task in second.text() and "cost: $0." in second.text() and len(saved(second)) == 1
    third = server.run(prompt, 60)
    cached = third.of("execution_cached")[0]["nodes"]
    assert {*of_type(prompt, "LatentSyncRemote"), *of_type(prompt, "SaveVideo")} <= set(cached)
    jobs = {"6": {"class_type": "LatentSyncRemoteJobs", "inputs": {"prediction_id": "", "limit": 20}}}
    listed = {**jobs, "7": {"class_type": "PreviewAny", "inputs": {"source": ["6", 1]}}}
    assert task in server.run(listed, 60).text() and len(fake.ledger.tasks) == before + 1


def test_a_dry_run_ends_well_without_a_video(server, fake):
    before = len(fake.ledger.tasks)
    run = server.run(remote_prompt(take=3, dry_run=True), 60)
    assert run.end[0] == "execution_success", run.end[1]
    assert "Nothing was bought by this run." in run.text() and run.files() == []
    assert len(fake.ledger.tasks) == before


@pytest.mark.parametrize(
    ("local", "files"), [("01_new_words_for_a_video", 1), ("04_frames_in_frames_out", 66)]
)
def test_remote_takes_the_place_of_a_local_node(server, fake, local, files):
    """Nothing else in the graph is changed; the host fits the frames to the sound."""
    prompt = hosted(workflow(local), server.json("/object_info"), return_images=True, take=4)
    run = server.run(prompt, 60)
    assert run.end[0] == "execution_success", run.end[1]
    assert len(saved(run)) == files


def test_the_key_is_in_no_file_of_the_server(server, fake):
    """Results, journal, log, settings, whatever the tests before left there."""
    for secret in (fake.key, fake.signature):
        files = [path for path in server.base.rglob("*") if path.is_file()]
        assert [path.name for path in files if secret.encode() in path.read_bytes()] == []
