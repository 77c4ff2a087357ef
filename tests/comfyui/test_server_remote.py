"""Remote and Remote Jobs in a real server, against the fake host: bought once, stopped at once, picked up, cached."""

import os
import tempfile
import time
from pathlib import Path

import pytest

PROMPT = {
    "1": {"class_type": "LoadVideo", "inputs": {"file": "latentsync_person.mp4"}},
    "2": {
        "class_type": "LatentSyncLoadAudio",
        "inputs": {"audio": "latentsync_sentence.flac", "start": 0.0, "duration": 0.0, "normalize": "off"},
    },
    "3": {
        "class_type": "LatentSyncRemote",
        "inputs": {
            "video": ["1", 0], "audio": ["2", 0], "fps": 25.0, "model": "bytedance/latentsync", "take": 1,
            "max_cost": 1.0, "dry_run": False, "return_images": False,
        },
    },
    "4": {
        "class_type": "SaveVideo",
        "inputs": {"video": ["3", 0], "filename_prefix": "remote", "format": "auto", "codec": "auto"},
    },
    "5": {"class_type": "PreviewAny", "inputs": {"source": ["3", 3]}},
}  # fmt: skip


@pytest.fixture(scope="module")
def fake():
    from remote.fake_wavespeed import FakeWaveSpeed

    with FakeWaveSpeed(queue_seconds=0.5, run_seconds=600.0) as host:
        yield host


@pytest.fixture(scope="module")
def remote_server(fake):
    """A server whose environment names the fake host."""
    from comfy_server import ComfyServer, install

    named = {"WAVESPEED_BASE_URL": fake.base_url, "WAVESPEED_API_KEY": fake.key}
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory(prefix="comfyui-remote-") as base:
        for name, value in (named | {"WAVESPEED_ALLOW_INSECURE_LOOPBACK": "1"}).items():
            patch.setenv(name, value)
        patch.delenv("LATENTSYNC_STATE_DIR", raising=False)
        install(Path(base))
        with ComfyServer(Path(os.environ["COMFYUI_DIR"]), Path(base)) as running:
            yield running


def test_stopped_picked_up_cached_listed(remote_server, fake):
    server, base = remote_server, remote_server.base
    first = server.queue(PROMPT)
    while not any("result" in call for call in fake.calls):
        time.sleep(0.05)
    stopped = time.monotonic()
    server.post("/interrupt", {})
    assert server.finish(first, 60).end[0] == "execution_interrupted" and time.monotonic() - stopped < 1
    fake.clock.advance(600)
    second = server.run(PROMPT, 60)
    task = fake.ledger.tasks[0].id
    assert second.end[0] == "execution_success", second.end[1]
    assert task in second.text() and "cost: $0." in second.text() and len(second.files()) == 1
    third = server.run(PROMPT, 60)
    assert {"3", "4"} <= set(third.of("execution_cached")[0]["nodes"])
    jobs = {"6": {"class_type": "LatentSyncRemoteJobs", "inputs": {"prediction_id": "", "limit": 20}}}
    listed = {**jobs, "7": {"class_type": "PreviewAny", "inputs": {"source": ["6", 1]}}}
    assert task in server.run(listed, 60).text() and len(fake.ledger.tasks) == 1
    seen = [
        path.name for path in base.rglob("*") if path.is_file() and fake.key.encode() in path.read_bytes()
    ]
    assert seen == [] and fake.violations == []


def test_a_dry_run_ends_well_without_a_video(remote_server, fake):
    inputs = PROMPT["3"]["inputs"] | {"take": 2, "dry_run": True}
    run = remote_server.run({**PROMPT, "3": {"class_type": "LatentSyncRemote", "inputs": inputs}}, 60)
    assert run.end[0] == "execution_success", run.end[1]
    assert "Nothing was bought by this run." in run.text() and run.files() == []
    assert len(fake.ledger.tasks) == 1
