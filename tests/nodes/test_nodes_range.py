"""range_start and range_end of the Lip Sync nodes: what lies outside passes through, and what is no time is said."""

import importlib
from fractions import Fraction

import numpy as np
import pytest
from comfy_api.latest import InputImpl
from comfy_setup import PACK


def changed_frames(images, result):
    return (result != images).flatten(1).any(1).nonzero().flatten().tolist()


@pytest.mark.parametrize(
    ("start", "end", "frames"),
    [
        ("0.2", "0.48", range(5, 12)),
        ("00:00:00.2", "00:00:00:12", range(5, 12)),
        ("", " 00:00:00:03 ", range(3)),
        ("00:00:00:17", " ", range(17, 20)),
        ("0.6", "99", range(15, 20)),
    ],
)
def test_frames_outside_of_a_range_pass_through(sync, images, audio, start, end, frames):
    result, new_audio, mask, report = sync(range_start=start, range_end=end)
    assert changed_frames(images, result) == list(frames) and new_audio is audio
    assert mask.flatten(1).any(1).nonzero().flatten().tolist() == list(frames)
    assert f"{len(frames)} of 20 frames get a new mouth" in report


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [
        ("soon", "", "A time takes seconds .*got 'soon'"),
        ("-1", "", "A time takes seconds .*got '-1'"),
        ("", "nan", "A time takes seconds .*got 'nan'"),
        ("00:00:00:25", "", "00:00:00:25 is no timecode at 25 frames a second"),
        ("00:00:00;05", "", "Drop frame is for 29.97"),
        ("0.4", "0.2", "an end after it, with frames in between, got 0.4 to 0.2 seconds; the result has 0.8"),
        ("0.2", "0.2", "an end after it"),
        ("0.8", "", "got 0.8 to inf seconds; the result has 0.8"),
        ("9", "10", "got 9 to 10 seconds; the result has 0.8"),
    ],
)
def test_what_is_no_range_is_refused(sync, core, left, start, end, words):
    with pytest.raises(core.LatentSyncError, match=words):
        sync(range_start=start, range_end=end)
    assert left() == []


def test_a_range_of_a_video_is_in_its_own_timecode(
    run, model, fast, images, audio, speaker, core, home, left
):
    timecode = importlib.import_module(f"{PACK}.latentsync_core.media").Timecode
    path = home / "input" / "reel.mkv"
    with core.open_writer(path, 192, 192, 25, timecode=timecode.parse("01:00:00:00", Fraction(25))) as writer:
        for number, frame in enumerate(images):
            writer.write((frame.numpy() * 255).round().astype(np.uint8), number / 25)
    given = {"video": InputImpl.VideoFromFile(str(path)), "audio": audio, "model": model, "options": fast}

    def sync_video(start, end):
        return run("LatentSyncLipSyncVideo", speaker=speaker, range_start=start, range_end=end, **given)

    result, report = sync_video("01:00:00:05", "01:00:00:12")
    assert "7 of 20 frames get a new mouth" in report
    before, after = (clip.get_components().images for clip in (given["video"], result))
    changed = (before - after).abs().flatten(1).amax(1) > 0.3  # encoding alone changes up to 0.21
    assert changed[7:10].all() and not changed[:5].any() and not changed[12:].any()
    for start, words in (
        ("00:00:00:05", "lies before the film, whose first frame is 01:00:00:00"),
        ("1", "the result"),
    ):
        with pytest.raises(core.LatentSyncError, match=words):
            sync_video(start, "")
