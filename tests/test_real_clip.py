"""The command line on a real 1080x1920 clip, with a small untrained network."""

import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from latentsync_core import FileClip, Options, lip_sync, load_models, read_audio
from latentsync_core.cli import main
from latentsync_core.speakers import find_face
from latentsync_lab.fresh import write_untrained

ROOT = Path(__file__).resolve().parents[1]
pytestmark = pytest.mark.slow
FAST = [
    "--length",
    "cut_off",
    "--steps",
    "1",
    "--guidance",
    "1",
    "--device",
    "cpu",
    "--encoder-preset",
    "ultrafast",
]
MEMORY = """
import resource, sys
from latentsync_core.cli import main
assert main(sys.argv[1:]) == 0
print("peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return write_untrained(tmp_path_factory.mktemp("checkpoint") / "nano")


def shortened(source, target, frames):
    """The first frames of a video, packets copied."""
    with av.open(str(source)) as reader, av.open(str(target), "w") as writer:
        stream = writer.add_stream_from_template(reader.streams.video[0])
        packets = (packet for packet in reader.demux(video=0) if packet.dts is not None)
        for packet, _ in zip(packets, range(frames), strict=False):
            packet.stream = stream
            writer.mux(packet)
    return target


def packets_of(path):
    with av.open(str(path)) as container:
        return b"".join(bytes(packet) for packet in container.demux(audio=0))


def test_lossless_result(talking_head, real_speech, checkpoint, tmp_path):
    """A face in every frame, every frame out, nothing changed outside the mouth, the audio bit for bit."""
    video = shortened(talking_head, tmp_path / "short.mp4", 30)
    arguments = [
        "sync",
        str(video),
        str(real_speech),
        str(tmp_path / "out.mkv"),
        "--model",
        str(checkpoint),
        *FAST,
    ]
    assert main(arguments) == 0
    source, result = FileClip(video), FileClip(tmp_path / "out.mkv")
    track = find_face(source)
    assert track.found.all() and len(result) == len(source) == 30
    for index, (before, after) in enumerate(zip(source.read(range(30)), result.read(range(30)), strict=True)):
        rows, columns = np.nonzero((before != after).any(-1))
        left, right, nose = track.points[index]
        reach = np.linalg.norm(right - left)
        assert rows.min() > min(left[1], right[1]) and rows.max() < nose[1] + 2 * reach
        assert columns.min() > left[0] - reach and columns.max() < right[0] + reach
    given = packets_of(real_speech)
    copied = packets_of(tmp_path / "out.mkv")
    assert copied == given[: len(copied)] and abs(len(copied) / 2 / 16000 - 1.2) < 0.2  # ends with the video


def test_the_same_seed_gives_the_same_bytes(talking_head, real_speech, checkpoint, tmp_path):
    clip = FileClip(shortened(talking_head, tmp_path / "short.mp4", 20))
    models, speech, options = load_models(checkpoint, device="cpu"), read_audio(real_speech), Options(steps=1)
    first, again = (list(lip_sync(clip, speech, models, options)) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read in Linux's units")
def test_memory_does_not_grow_with_length(talking_head, real_speech, checkpoint, tmp_path):
    videos = [shortened(talking_head, tmp_path / f"{frames}.mp4", frames) for frames in (50, 250)]

    def peak(video):
        command = [
            sys.executable,
            "-c",
            MEMORY,
            "sync",
            video,
            real_speech,
            tmp_path / "out.mp4",
            "--model",
            checkpoint,
        ]
        result = subprocess.run(
            [*map(str, command), *FAST], cwd=ROOT, capture_output=True, text=True, check=True
        )
        return int(result.stdout.split()[-1]) / 1024

    def growth():
        short, long = map(peak, videos)
        return long - short

    # A peak varies by some 20 MB from run to run; what grows with length grows each time.
    assert any(growth() < 50 for _ in range(3))
