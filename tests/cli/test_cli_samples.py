"""`sync` to a lossless file, of sources that are not RGB of 8 bit."""

import av
import numpy as np

from latentsync_core import FileClip
from latentsync_core.cli import main


def sync(files, source, output):
    model = ["--model", str(files / "checkpoint"), "--steps", "1", "--guidance", "1", "--device", "cpu"]
    return main(["sync", str(source), str(files / "speech.wav"), str(output), *model])


def test_a_lossless_result_has_the_samples_of_its_source(files, tmp_path):
    """10 bit in, 10 bit out, and those of the frame's top as they were."""
    clip, source = FileClip(files / "video.mkv"), tmp_path / "deep.mkv"
    with av.open(str(source), "w") as output:
        stream = output.add_stream("ffv1", rate=25)
        stream.height, stream.width, stream.pix_fmt = clip.height, clip.width, "yuv422p10le"
        for frame in clip.read(range(8)):
            output.mux(
                stream.encode(
                    av.VideoFrame.from_ndarray(frame, format="rgb24").reformat(format="yuv422p10le")
                )
            )
        output.mux(stream.encode(None))
    assert sync(files, source, tmp_path / "out.mkv") == 0
    before, after = FileClip(source), FileClip(tmp_path / "out.mkv")
    assert before.samples == after.samples and after.samples.name == "yuv422p10le"
    for old, new in zip(before.read(range(8)), after.read(range(8)), strict=True):
        assert all(np.array_equal(a[:60], b[:60]) for a, b in zip(old.planes, new.planes, strict=True))
        assert (old.planes[0] != new.planes[0]).sum() > 1000
