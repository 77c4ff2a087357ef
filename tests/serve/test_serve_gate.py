"""Which media are let in, and the process in which that is found out."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import av
import numpy as np
import pytest
from remote.fake import demo_audio, demo_video

from latentsync_core.errors import DeviceError, WeightsMissingError
from latentsync_core.serve import ProcessGate, ProcessWorker
from latentsync_core.serve import measure as measure_module
from latentsync_core.serve.failure import TaskFailure
from latentsync_core.serve.measure import measure_media
from latentsync_core.serve.place import TaskFolder
from latentsync_core.serve.process import OwnProcess, ProcessDiedError


@pytest.fixture(scope="module")
def media(tmp_path_factory):
    folder = tmp_path_factory.mktemp("media")
    return {"video": demo_video(folder / "video"), "audio": demo_audio(folder / "audio", length=1.5)}


def refused(kind, path):
    with pytest.raises(TaskFailure) as caught:
        measure_media(kind, path, None)
    assert (
        caught.value.code == 1401
        and str(path) not in str(caught.value)
        and f"the {kind}" in str(caught.value)
    )
    return str(caught.value)


def test_lengths_are_counted(media):
    assert measure_media("video", media["video"], None) == 1.0
    assert measure_media("audio", media["audio"], None) == pytest.approx(1.5)
    with_gap = media["audio"].with_name("gap")
    write_audio_with_gap(with_gap)
    assert measure_media("audio", with_gap, None) == pytest.approx(6.0, abs=0.1)


def write_audio_with_gap(path):
    """A second of audio, and another one four seconds after it."""
    with av.open(str(path), "w", format="matroska") as file:
        stream = file.add_stream("pcm_s16le", rate=8000, layout="mono")
        for start in (0, 40_000):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.int16), format="s16", layout="mono")
            frame.sample_rate, frame.pts = 8000, start
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>",
        b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
        b"#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:10.0,\nhttp://127.0.0.1:1/a.ts\n",
        b"ffconcat version 1.0\nfile 'video'\n",
        b"v=0\no=- 0 0 IN IP4 127.0.0.1\nm=video 1234 RTP/AVP 96\n",
        b'<?xml version="1.0"?><MPD profiles="urn:mpeg:dash:profile:isoff-live:2011"></MPD>',
        b"\x89PNG\r\n\x1a\n" + bytes(100),
    ],
)
def test_what_names_other_files_is_not_opened(tmp_path, media, content):
    path = tmp_path / "video"
    path.write_bytes(content)
    for kind in ("video", "audio"):
        assert "not a video or audio file" in refused(kind, path) or not content


def test_playlists_would_be_opened_without_the_gate(tmp_path, media):
    """Which is why it is there: this one reads another file."""
    playlist = tmp_path / "list"
    playlist.write_text(f"ffconcat version 1.0\nfile '{media['video'].name}'\n")
    os.link(media["video"], tmp_path / media["video"].name)
    with av.open(str(playlist)) as container:
        assert container.format.name == "concat" and len(list(container.decode(video=0))) == 5
    assert "not a video" in refused("video", playlist)


def test_wrong_kinds_and_huge_frames(media, monkeypatch):
    assert "has no video stream" in refused("video", media["audio"])
    assert "has no audio stream" in refused("audio", media["video"])
    monkeypatch.setattr(measure_module, "_MOST_PIXELS", 64 * 64 - 1)
    assert "million pixels" in refused("video", media["video"])


def give_function():
    return function


def function(what, tell):
    tell("stage", 1, 2)
    if what == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "fail":
        raise TaskFailure(1403, "no")
    if what == "crash":
        raise ZeroDivisionError
    if what == "hang":
        time.sleep(1000)
    return os.getpid()


def give_nothing():
    raise WeightsMissingError("no weights")


def give_no_folder():
    raise PermissionError("no folder")


def give_death():
    os._exit(3)


async def use_a_process():
    """All that may come of a call, in one process after the other."""
    process, told = OwnProcess(give_function), []
    first = await process.call("", tell=lambda *step: told.append(step))
    assert told == [("stage", 1, 2)] and first != os.getpid()
    with pytest.raises(TaskFailure, match="no"):
        await process.call("fail")
    with pytest.raises(TaskFailure, match="internal error"):
        await process.call("crash")
    assert await process.call("") == first
    with pytest.raises(ProcessDiedError):
        await process.call("die")
    second = await process.call("")
    assert second != first and not is_alive(first)
    hanging = asyncio.ensure_future(process.call("hang", tell=lambda *step: told.append(step)))
    while len(told) < 2:
        await asyncio.sleep(0.01)
    hanging.cancel()
    assert isinstance((await asyncio.gather(hanging, return_exceptions=True))[0], asyncio.CancelledError)
    assert not is_alive(second)
    with pytest.raises(ProcessDiedError):
        await process.call("hang", seconds=0.05)
    process.close()


def is_alive(pid):
    """Whether a process runs; one that nobody has asked how it ended does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] != "Z"


def test_a_function_in_a_process_of_its_own():
    asyncio.run(use_a_process())


ORPHAN = """
import asyncio, sys, time
from latentsync_core.serve.process import OwnProcess

def give():
    return lambda tell: (tell("stage", 1, 2), time.sleep(1000))

if __name__ == "__main__":
    process = OwnProcess(give)
    show = lambda *_: print(process._process.pid, flush=True)
    asyncio.run(process.call(tell=show))
"""


def test_a_process_ends_with_its_server_however_that_ends(tmp_path):
    script = tmp_path / "orphan.py"
    script.write_text(ORPHAN)
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(
        [sys.executable, script], env=environment, stdout=subprocess.PIPE, text=True
    ) as server:
        child = int(server.stdout.readline())
        assert is_alive(child)
        server.kill()
    for _ in range(1000):
        if not is_alive(child):
            return
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    raise AssertionError("the process outlived its server")


def test_what_keeps_a_worker_from_starting(capfd):
    async def start(load):
        worker = ProcessWorker(load)
        try:
            await worker.start()
        finally:
            worker.close()

    with pytest.raises(WeightsMissingError, match="no weights"):
        asyncio.run(start(give_nothing))
    with pytest.raises(DeviceError, match="lack of memory"):
        asyncio.run(start(give_death))
    with pytest.raises(DeviceError):
        asyncio.run(start(give_no_folder))
    assert "PermissionError: no folder" in capfd.readouterr().err


def test_the_gate_in_its_process(media):
    async def measure():
        gate = ProcessGate()
        try:
            return await gate.measure("video", media["video"])
        finally:
            gate.close()

    assert asyncio.run(measure()) == 1.0


def test_an_outcome_is_kept_and_read(tmp_path):
    folder = TaskFolder.of(tmp_path, "id")
    folder.root.mkdir(parents=True)
    assert folder.read_outcome() is None
    folder.result.write_bytes(b"x")
    folder.keep_outcome(1234)
    assert folder.read_outcome() == 1234
    assert sorted(path.name for path in Path(folder.root).iterdir()) == ["outcome.json", "result.mp4"]
