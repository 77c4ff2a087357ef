"""Parts of clips and of audio, by seconds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from media_files import assert_near, decode, make_video, tone

from latentsync_core.data import Waveform
from latentsync_core.errors import InputError
from latentsync_core.media import FileClip, TensorClip, cut, trim

SECONDS = st.floats(0, 3, width=32)


def numbered(count=20, fps=25):
    return TensorClip(np.arange(count, dtype=np.uint8)[:, None, None, None].repeat(3, 3), fps)


@given(start=SECONDS, duration=SECONDS, fps=st.sampled_from([7, 23.976, 25, 60]))
def test_a_view_has_the_frames_of_its_span(start, duration, fps):
    clip = numbered(40, fps)
    stop = start + duration if duration else np.inf
    wanted = np.flatnonzero((clip.times >= start - 1e-6) & (clip.times < stop - 1e-6))
    if not len(wanted):
        with pytest.raises(InputError, match="no frame"):
            trim(clip, start, duration)
        return
    view = trim(clip, start, duration)
    assert [int(f[0, 0, 0]) for f in view.read(range(len(wanted)))] == wanted.tolist()
    np.testing.assert_allclose(view.times, clip.times[wanted] - clip.times[wanted[0]])
    assert view.times[0] == 0 and view.fps == clip.fps and (view.height, view.width) == (1, 1)
    assert view.duration == pytest.approx(len(wanted) / float(clip.fps))


def test_a_view_of_a_view_and_of_a_file_with_its_own_times(tmp_path):
    times = [0, 40, 100, 140, 260, 300, 340, 500]
    path = make_video(tmp_path / "v.mkv", count=8, times_ms=times)
    clip = FileClip(path)
    view = trim(trim(clip, 0.05, 0.4), 0.04)
    np.testing.assert_allclose(view.times, np.array([0, 120, 160, 200]) / 1000, atol=1e-9)
    assert view.duration == pytest.approx(0.36)
    frames = decode(path)
    assert_near(view.read([3, 0, 0, 2]), [frames[number] for number in (6, 3, 3, 5)])


def test_a_view_knows_its_own_frames_only():
    view = trim(numbered(), 0.2, 0.2)
    for number in (5, -1):
        with pytest.raises(InputError, match="frames 0..4"):
            list(view.read([number]))


@given(start=SECONDS, duration=SECONDS)
def test_cut_takes_the_samples_of_its_span(start, duration):
    audio = Waveform(tone(2, 8000), 8000)
    first = round(start * 8000)
    wanted = (
        audio.samples[:, first : first + round(duration * 8000)] if duration else audio.samples[:, first:]
    )
    if wanted.size:
        part = cut(audio, start, duration)
        np.testing.assert_array_equal(part.samples, wanted)
        assert part.sample_rate == 8000
    else:
        with pytest.raises(InputError, match="no audio"):
            cut(audio, start, duration)


@pytest.mark.parametrize("start, duration", [(-0.1, 0), (0, -1), (float("nan"), 0), (0, float("inf"))])
def test_spans_that_are_none(start, duration):
    for take, source in ((trim, numbered()), (cut, Waveform(tone(1), 44100))):
        with pytest.raises(InputError, match="start >= 0"):
            take(source, start, duration)
