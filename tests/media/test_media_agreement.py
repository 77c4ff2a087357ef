"""What is written, by the eyes of ffprobe, of the `ffmpeg` that is installed, and of OpenCV."""

import json
import subprocess
from fractions import Fraction
from shutil import which

import cv2
import numpy as np
import pytest
from sample_files import copy, samples_of, store

from latentsync_core import FileClip
from latentsync_core.media import ColorTags, Timecode

COUNT, SIZE, NTSC = 5, (128, 256), Fraction(24000, 1001)
HD = ColorTags(1, 1, 1, 1)
TAGS = {"color_range": "tv", "color_space": "bt709", "color_primaries": "bt709", "color_transfer": "bt709"}
RESULTS = {
    "prores422hq": ("yuv420p10le", "r.mov", "prores422hq", {"yuv422p10le"}),
    "prores4444": ("yuva444p10le", "r.mov", "prores4444", {"yuva444p10le", "yuva444p12le"}),
    "dnxhr_hqx": ("yuv422p10le", "r.mov", "dnxhr_hqx", {"yuv422p10le"}),
    "mkv": ("yuv422p10le", "r.mkv", "", {"yuv422p10le"}),
    "mkv of 4:2:0": ("yuv420p", "r.mkv", "", {"yuv420p"}),
    "mkv with alpha": ("yuva420p10le", "r.mkv", "", {"yuva420p10le"}),
    "mp4": ("yuv420p", "r.mp4", "", {"yuv420p"}),
    "mov": ("yuv420p", "r.mov", "", {"yuv420p"}),
}
"""Samples of the film, name and format of the result, and the pixel formats that FFmpeg may decode it to."""


def picture(k, height, width):
    """Smooth, as what lies between samples differs from program to program."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([x / 2 + 20 * k, y + 30, 200 - x / 4 - y / 2], -1).astype(np.uint8)


@pytest.fixture(params=RESULTS)
def result(request, tmp_path):
    name, path, form, formats = RESULTS[request.param]
    source = store(tmp_path / "s.mkv", name, COUNT, SIZE, HD, picture, chroma_sample_location="left")
    timecode = Timecode.parse("01:00:10:05", NTSC)
    return copy(source, tmp_path / path, fps=NTSC, format=form, timecode=timecode), formats


def run(tool, *arguments):
    if which(tool) is None:
        pytest.skip(f"{tool} is not installed")
    done = subprocess.run([tool, "-v", "error", *map(str, arguments)], capture_output=True, check=True)
    assert done.stderr == b""
    return done.stdout


def test_ffprobe_reads_what_was_said(result):
    path, formats = result
    found = json.loads(run("ffprobe", "-count_frames", "-show_streams", "-show_format", "-of", "json", path))
    video = found["streams"][0]
    assert video["pix_fmt"] in formats and (video["height"], video["width"]) == SIZE
    assert {key: video[key] for key in TAGS} == TAGS
    assert int(video["nb_read_frames"]) == COUNT
    assert abs(Fraction(video["avg_frame_rate"]) / NTSC - 1) < 0.002  # Matroska counts milliseconds
    assert abs(float(found["format"]["duration"]) - COUNT / NTSC) < 0.002
    codes = [one.get("tags", {}) for one in (*found["streams"], found["format"])]
    assert "01:00:10:05" in [
        value for tags in codes for key, value in tags.items() if key.lower() == "timecode"
    ]
    if "420" in video["pix_fmt"]:
        assert video["chroma_location"] == "left"


def test_another_ffmpeg_decodes_the_same_samples(result):
    path, _ = result
    frames, name, _ = samples_of(path)
    raw = run("ffmpeg", "-i", path, "-f", "rawvideo", "-pix_fmt", name, "-fps_mode", "passthrough", "-")
    expected = np.concatenate([plane.ravel() for planes in frames for plane in planes])
    theirs = np.frombuffer(raw, expected.dtype)
    assert theirs.size == expected.size
    assert np.abs(theirs.astype(int) - expected).max() <= (0 if path.suffix == ".mkv" else 4)


def test_opencv_shows_the_same_pictures(result):
    path, _ = result
    capture, ours = cv2.VideoCapture(str(path)), FileClip(path)
    assert abs(capture.get(cv2.CAP_PROP_FPS) / float(NTSC) - 1) < 0.01
    for frame in ours.read(range(COUNT)):
        there, theirs = capture.read()
        rgb = np.asarray(frame) * (255 if ours.samples.bits > 8 else 1)
        assert there and np.abs(theirs[..., ::-1] - rgb.astype(float)).mean() < 4  # it rounds down, twice
    assert not capture.read()[0]
    capture.release()
