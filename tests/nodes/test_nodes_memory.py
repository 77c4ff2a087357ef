"""A long video never becomes a tensor: the memory of Lip Sync (Video) does not grow with its length."""

import sys

import numpy as np
import pytest
from comfy_api.latest import InputImpl

SIZE = 384

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc"),
]


@pytest.fixture
def make_video(core, images, home):
    """make_video(8) -> a VIDEO of 8 seconds and 384 x 384 pixels, and its face."""

    def make(seconds, speaker):
        count, scale = 25 * seconds, SIZE // images.shape[1]
        path = home / "input" / f"{seconds}.mp4"
        frames = (images * 255).byte().numpy().repeat(scale, 1).repeat(scale, 2)
        with core.open_writer(path, SIZE, SIZE, 25, preset="ultrafast") as writer:
            for number in range(count):
                writer.write(frames[number % len(frames)], number / 25)
        order = np.arange(count) % len(speaker.points)
        track = core.FaceTrack(speaker.points[order] * scale, speaker.scores[order])
        return InputImpl.VideoFromFile(str(path)), track

    return make


def peak(work):
    """Megabytes by which the most memory that `work` holds lies above what was held before."""
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # forget the former peak
    before = memory("VmRSS")
    work()
    return memory("VmHWM") - before


def memory(name):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(name)) / 1024


def test_memory_does_not_grow_with_length(run, model, make_video, speaker, audio):
    settings = {"preset.steps": 1, "preset.guidance": 1.0, "preset.length": "silence"}
    options = run("LatentSyncOptions", preset="draft", **settings)

    def sync(seconds):
        video, track = make_video(seconds, speaker)
        new_audio = {**audio, "waveform": audio["waveform"].repeat(1, 1, 2 * seconds)}
        given = {"audio": new_audio, "model": model, "options": options, "speaker": track}
        return peak(lambda: run("LatentSyncLipSyncVideo", video=video, **given))

    sync(2)  # what libraries keep from their first use
    as_image = 10 * 25 * SIZE * SIZE * 3 * 4 / 2**20  # what 10 s more would take: 422 MB
    assert sync(12) - sync(2) < as_image / 4
