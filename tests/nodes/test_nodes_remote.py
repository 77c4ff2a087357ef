"""Remote and Remote Jobs against the fake host."""

import asyncio
import importlib
import threading
import time
from io import BytesIO
from pathlib import Path

import comfy.model_management as mm
import numpy as np
import pytest
import torch
from comfy_api.latest import InputImpl, Types
from comfy_execution.graph_utils import ExecutionBlocker
from remote.fake_wavespeed import FakeWaveSpeed


@pytest.fixture
def fake(home, monkeypatch):
    """A fake host that the environment names."""
    with FakeWaveSpeed() as server:
        monkeypatch.setenv("WAVESPEED_BASE_URL", server.base_url)
        monkeypatch.setenv("WAVESPEED_API_KEY", server.key)
        monkeypatch.setenv("WAVESPEED_ALLOW_INSECURE_LOOPBACK", "1")
        for name in ("LATENTSYNC_STATE_DIR", "WAVESPEED_API_KEY_FILE"):
            monkeypatch.delenv(name, raising=False)
        yield server
        assert server.violations == []


@pytest.fixture
def quick(fake, core, monkeypatch):
    """The client sleeps by the fake's clock, so that nothing waits."""
    runs = importlib.import_module(f"{core.__name__}.remote.runs")
    for function in (runs.remote_lip_sync, runs.resume_task):
        monkeypatch.setitem(function.__kwdefaults__, "clock", fake.clock)
    return fake


@pytest.fixture
def texts(monkeypatch):
    """What is shown on nodes."""
    import server

    said = []

    class Server:
        def send_progress_text(self, text, node_id):
            said.append((text, node_id))

    monkeypatch.setattr(server.PromptServer, "instance", Server(), raising=False)
    yield said
    mm.interrupt_current_processing(False)


@pytest.fixture
def buy(run, images, audio):
    given = {"images": images, "audio": audio}
    return lambda **changes: run("LatentSyncRemote", **given | changes)


def test_a_result_is_bought_once(buy, quick, audio, core, home, left):
    video, images, new_audio, report = buy()
    path = Path(video.get_stream_source())
    assert path.parent == home / "output" / "latentsync_remote"
    assert len(core.FileClip(path)) > 0
    assert isinstance(images, ExecutionBlocker) and "return_images" in images.message
    assert torch.equal(new_audio["waveform"][..., :12800], audio["waveform"])
    task = quick.ledger.tasks[0]
    assert f"Prediction id: {task.id}" in report and f"cost: $0.15, by {quick.host}'s bill" in report
    assert f"{quick.host} computed for " in report
    again = buy()
    assert again[0].get_stream_source() == str(path) and "no new cost" in again[3]
    path.unlink()
    assert buy()[0].get_stream_source() == str(path) and path.exists()  # fetched again
    assert (len(quick.ledger.tasks), quick.ledger.dollars) == (1, 0.15)
    assert left() == [] and sorted(p.name for p in path.parent.iterdir()) == [path.name]
    buy(take=2)
    assert len(quick.ledger.tasks) == 2


def test_the_state_is_where_no_browser_reads(buy, quick, home):
    buy()
    state = home / "user" / "__latentsync"
    assert (state / "remote.sqlite3").is_file()
    output = [path for path in home.rglob("*") if path.is_file() and quick.key.encode() in path.read_bytes()]
    assert output == []


def test_images_come_when_asked_for(buy, quick, core):
    video, images, _, _ = buy(return_images=True)
    clip = core.FileClip(video.get_stream_source())
    assert images.shape == (len(clip), clip.height, clip.width, 3) and images.dtype == torch.float32


def test_videos_of_every_form(buy, quick, images, core, home):
    """A file is sent as it is; bytes of the same file are the same job; a trimmed one is another."""
    path = home / "input" / "talk.mp4"
    with core.open_writer(path, 192, 192, 25) as writer:
        for number, frame in enumerate(images):
            writer.write((frame.numpy() * 255).round().astype(np.uint8), number / 25)
    file = InputImpl.VideoFromFile(str(path))
    content = InputImpl.VideoFromFile(BytesIO(path.read_bytes()))
    tensors = InputImpl.VideoFromComponents(Types.VideoComponents(images=images, audio=None, frame_rate=25))
    bought = []
    for video in (file, content, file.as_trimmed(0.2, 0.4), tensors):
        buy(video=video, images=None)
        bought.append(len(quick.ledger.tasks))
    assert bought == [1, 1, 2, 3]
    buy()  # the same frames as images
    assert len(quick.ledger.tasks) == 3


def test_a_dry_run_buys_nothing(buy, quick, texts):
    video, images, new_audio, report = buy(dry_run=True)
    assert all(
        isinstance(part, ExecutionBlocker) and part.message is None for part in (video, images, new_audio)
    )
    assert "Price: $0.15. Nothing was bought by this run." in report and quick.ledger.tasks == []
    assert texts[-1] == (report, "7")


def test_another_model_by_its_id(buy, quick):
    buy(model="other", **{"model.model_id": " veed/lipsync "})
    assert [task.model for task in quick.ledger.tasks] == ["veed/lipsync"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"max_cost": 0.1}, "0.15"),
        ({"audio": None}, "has no audio"),
        ({"images": None}, "neither is connected"),
        ({"model": "other", "model.model_id": "Nope"}, "model id"),
        ({"model": "veed/lipsink"}, "model takes bytedance/latentsync, .*other, got 'veed/lipsink'"),
        ({"take": 0}, "take is 1"),
    ],
)
def test_what_cannot_be_bought_is_refused(buy, quick, core, left, change, message):
    with pytest.raises(core.LatentSyncError, match=message):
        buy(**change)
    assert quick.ledger.tasks == [] and left() == []


def test_without_a_key_the_place_for_it_is_named(buy, quick, core, home, monkeypatch):
    monkeypatch.delenv("WAVESPEED_API_KEY")
    with pytest.raises(core.LatentSyncError, match="__latentsync.wavespeed.key"):
        buy()
    (home / "user" / "__latentsync" / "wavespeed.key").write_text(quick.key)
    buy()
    assert len(quick.ledger.tasks) == 1


def test_progress_says_where_it_stands(buy, quick, texts):
    buy()
    said = [text for text, node_id in texts if node_id == "7"]
    assert any(text.startswith(f"Queued at {quick.host}, ") and text.endswith(" s, $0.15") for text in said)
    assert any(text.startswith(f"Processing at {quick.host}, ") for text in said)


def test_cancel_detaches_at_once_and_the_next_run_goes_on(buy, fake, texts):
    fake.run_seconds = 600.0
    threading.Thread(target=interrupt_after_submit, args=[fake]).start()
    with pytest.raises(mm.InterruptProcessingException):
        buy()
    assert time.monotonic() - fake.interrupted < 1
    task = fake.ledger.tasks[0].id
    assert f"Stopped waiting. The task {task} may go on at {fake.host} and bill" in texts[-1][0]
    fake.clock.advance(600)
    assert "cost: $0.15" in buy()[3]
    assert (len(fake.ledger.tasks), fake.ledger.dollars) == (1, 0.15)


def interrupt_after_submit(fake):
    while not any("result" in call for call in fake.calls):
        time.sleep(0.02)
    fake.interrupted = time.monotonic()
    mm.interrupt_current_processing()


def test_a_stop_before_the_submit_buys_nothing(buy, fake, texts):
    mm.interrupt_current_processing()
    with pytest.raises(mm.InterruptProcessingException):
        buy()
    assert fake.ledger.tasks == [] and texts[-1][0] == "Stopped. Nothing was bought by this run."


def test_the_end_of_the_prompt_detaches_as_well(nodes, fake, images, audio, home, texts):
    """ComfyUI cancels the tasks of other nodes when one fails."""
    from comfy_api.latest import io

    fake.run_seconds = 600.0
    node = nodes["LatentSyncRemote"].PREPARE_CLASS_CLONE({"hidden_inputs": {io.Hidden.unique_id: "7"}})

    async def prompt():
        task = asyncio.ensure_future(
            node.EXECUTE_NORMALIZED_ASYNC(images=images, audio=audio, model={"model": "bytedance/latentsync"})
        )
        while not fake.ledger.tasks:
            await asyncio.sleep(0.02)
            assert not task.done(), task.result()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(prompt())
    assert f"may go on at {fake.host} and bill" in texts[-1][0]


def test_an_unchanged_graph_is_not_run_again(nodes):
    """Without fingerprint_inputs ComfyUI looks at the inputs alone."""
    assert "fingerprint_inputs" not in vars(nodes["LatentSyncRemote"])


def test_jobs_are_listed_and_fetched(run, buy, quick, core, texts):
    assert run("LatentSyncRemoteJobs")[1] == "Nothing was bought yet."
    bought = buy()[0].get_stream_source()
    task = quick.ledger.tasks[0].id
    nothing, listed = run("LatentSyncRemoteJobs")
    assert isinstance(nothing, ExecutionBlocker) and nothing.message is None
    assert task in listed and "done" in listed and "$0.15" in listed and texts[-1] == (listed, "7")
    Path(bought).unlink()
    video, report = run("LatentSyncRemoteJobs", prediction_id=f" {task} ")
    assert video.get_stream_source() == bought and len(core.FileClip(bought)) > 0
    assert task in report and len(quick.ledger.tasks) == 1


def test_a_task_that_the_journal_does_not_know(run, buy, quick, home):
    buy()
    for path in (home / "user" / "__latentsync").iterdir():
        path.unlink()
    task = quick.ledger.tasks[0].id
    video, _ = run("LatentSyncRemoteJobs", prediction_id=task)
    path = Path(video.get_stream_source())
    assert path.parent.name == "latentsync_remote" and task in path.name


def test_the_list_is_made_anew_when_the_journal_has_changed(run, buy, quick, nodes):
    fingerprint = nodes["LatentSyncRemoteJobs"].fingerprint_inputs
    run("LatentSyncRemoteJobs")
    before = fingerprint()
    assert fingerprint() == before and fingerprint(prediction_id="abc") == ""
    run("LatentSyncRemoteJobs")
    assert fingerprint() == before
    buy()
    assert fingerprint() != before
