"""A real computation, with the bundled model: windows that a stop does not lose, and the file of `latentsync sync`."""

import multiprocessing
import re
import shutil
import signal
import subprocess
import sys
import time
import wave
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from remote.fake import demo_video

from latentsync_core import FileClip, Options, open_writer, read_audio
from latentsync_core.cli import main
from latentsync_core.errors import OptionError
from latentsync_core.pool import ModelSource, Workers
from latentsync_core.serve import LipSyncSetup
from latentsync_core.serve.failure import TaskFailure
from latentsync_core.serve.place import TaskFolder

ROOT = Path(__file__).parents[2]
MEDIA = ROOT / "example_workflows" / "media"
SETUP = LipSyncSetup(
    ModelSource("nano"), "cpu", options=Options.preset("draft", steps=2, guidance=1.0, length="cut_off")
)
SYNC = [
    "--model",
    "nano",
    "--device",
    "cpu",
    "--preset",
    "draft",
    "--steps",
    "2",
    "--guidance",
    "1",
    "--length",
    "cut_off",
]
"""The same for `latentsync sync`."""


@pytest.fixture(scope="module")
def media(tmp_path_factory):
    """The beginning of the example, 24 frames in two windows."""
    folder, said = (
        tmp_path_factory.mktemp("media"),
        read_audio(MEDIA / "latentsync_sentence.flac", duration=0.96),
    )
    clip = FileClip(MEDIA / "latentsync_person.mp4")
    with open_writer(folder / "v.mp4", clip.height, clip.width, clip.fps) as writer:
        for seconds, frame in zip(clip.times, clip.read(range(24)), strict=False):
            writer.write(frame, float(seconds))
    with wave.open(str(folder / "a.wav"), "wb") as file:
        file.setparams((1, 2, said.sample_rate, 0, "NONE", ""))
        file.writeframes((said.samples.mean(0) * 32767).astype("<i2").tobytes())
    return folder / "v.mp4", folder / "a.wav"


@pytest.fixture(scope="module")
def compute():
    return SETUP.load()


class Stopped(Exception):
    """Ends a computation in its midst."""


def test_a_task_that_was_stopped_goes_on_from_its_finished_windows(media, compute, tmp_path):
    folder, totals = place(tmp_path, *media), []

    def tell(stage, done, total):
        totals.extend([total] if stage == "resync" else [])
        if stage == "resync" and done == total - 1 and len(set(totals)) == 1:
            raise Stopped

    with pytest.raises(Stopped):
        compute(folder, tell)
    windows = len(list(folder.work.glob("window-*")))
    assert windows >= 1 and not folder.result.exists() and totals[0] == 2 * (windows + 1)
    compute(folder, tell)
    assert totals[-1] == 2  # steps: those of the one window that was missing
    assert len(FileClip(folder.result)) == 24


@pytest.mark.slow
def test_workers_make_the_same_file_and_may_die_meanwhile(media, compute, tmp_path):
    """Two processes for all tasks: one is killed while the first task is made, and nothing of it is lost."""
    by_workers = replace(SETUP, workers=Workers(("cpu", "cpu"))).load()
    workers = multiprocessing.active_children()
    assert len(workers) == 2

    def tell(stage, done, total):
        if stage == "windows":
            workers[0].kill()

    for name, report in (("first", tell), ("second", lambda *_: None)):
        task = place(tmp_path / name, *media)
        by_workers(task, report)
        (tmp_path / f"{name}.mp4").write_bytes(task.result.read_bytes())
    assert not workers[0].is_alive()
    compute(alone := place(tmp_path / "alone", *media), lambda *_: None)
    assert {(tmp_path / f"{name}.mp4").read_bytes() for name in ("first", "second")} == {
        alone.result.read_bytes()
    }
    by_workers.args[0].close()


def test_a_pool_that_failed_ends_the_process_that_computes(media, tmp_path):
    """So that the next one starts workers anew, and takes up the task."""
    by_workers = replace(SETUP, workers=Workers(("cpu",))).load()
    by_workers.args[0].close()
    with pytest.raises(SystemExit):
        by_workers(place(tmp_path, *media), lambda *_: None)


def test_exact_by_workers_is_refused():
    with pytest.raises(OptionError, match="`exact` cannot be made by several workers"):
        replace(SETUP, workers=Workers(("cpu",)), options=Options.preset("exact")).load()


def place(tmp_path, video, audio):
    """A task's folder with its media."""
    folder = TaskFolder.of(tmp_path, "task")
    folder.root.mkdir(parents=True)
    for path, target in ((video, folder.media["video"]), (audio, folder.media["audio"])):
        shutil.copyfile(path, target)
    return folder


def test_what_the_library_refuses_fails_the_task(compute, media, tmp_path):
    folder = place(tmp_path, demo_video(tmp_path / "grey.mp4"), media[1])
    with pytest.raises(TaskFailure) as caught:
        compute(folder, lambda *_: None)
    assert (
        caught.value.code == 1401
        and "No face" in str(caught.value)
        and str(tmp_path) not in str(caught.value)
    )


@pytest.mark.slow
@pytest.mark.parametrize("workers", [(), ("--devices", "cpu,cpu"), ("--ray",)])
def test_the_command_itself(media, tmp_path, workers):
    """`latentsync serve` in a process of its own: an order, SIGTERM in its midst, a second server, the same file."""
    if "--ray" in workers:
        pytest.importorskip("ray", reason="the extra `cluster` is not installed")
    address = re.compile(r"Serving at (http://127.0.0.1:\d+)")
    command = [
        sys.executable,
        "-m",
        "latentsync_core",
        "serve",
        "--port",
        "0",
        "--folder",
        str(tmp_path / "state"),
    ]
    task = None
    for number in range(2):
        with subprocess.Popen(
            [*command, *SYNC, *workers], cwd=ROOT, stdout=subprocess.PIPE, text=True
        ) as server:
            origin = address.match(server.stdout.readline())[1]
            with httpx.Client(base_url=f"{origin}/api/v3", trust_env=False) as web:
                task = task or order(web, *media)
                found = wait(web, task, "processing" if number == 0 else "completed")
                result = web.get(found["outputs"][0]).content if number else b""
            server.send_signal(signal.SIGTERM)
            assert server.wait(60) == 0
    assert main(["sync", *map(str, media), str(tmp_path / "out.mp4"), *SYNC]) == 0
    assert result == (tmp_path / "out.mp4").read_bytes()


def order(web, video, audio):
    urls = {}
    for name, path in (("video", video), ("audio", audio)):
        form = {"file": (path.name, path.read_bytes(), "video/mp4")}
        urls[name] = web.post("/media/upload/binary", files=form).json()["data"]["download_url"]
    return web.post("/bytedance/latentsync", json=urls).json()["data"]["id"]


def wait(web, task, status):
    """Return a task when it has a status, or is beyond it."""
    for _ in range(3000):
        found = web.get(f"/predictions/{task}/result").json()["data"]
        assert found["status"] != "failed", found
        if found["status"] in (status, "completed"):
            return found
        time.sleep(0.1)
    raise AssertionError(found)
