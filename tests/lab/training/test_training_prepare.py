"""Own footage: what `prepare` keeps, what it drops and why, and how training reads it."""

import json
import os
import shutil
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest

from latentsync_core import Waveform, open_writer
from latentsync_core.errors import InputError
from latentsync_core.faces import crop_face, smooth_matrices
from latentsync_core.media import Timeline, loudness
from latentsync_core.metrics.sync import LEAST_CONFIDENCE
from latentsync_core.weights import find_syncnet, load_syncnet
from latentsync_lab.synthetic import bundled_speech, talking_clip
from latentsync_lab.training import Criteria, prepare
from latentsync_lab.training.footage import Footage
from latentsync_lab.training.preparation import _find_stretches, _measure_offset, _Shot

FRAMES = 50
TARGETS = Criteria(resolution=128)


@pytest.fixture(scope="module")
def said():
    return Waveform(bundled_speech("a").samples[:, : FRAMES * 640].copy(), 16_000)


@pytest.fixture(scope="module")
def clip(said):
    return talking_clip(3, said, size=(192, 192))


@pytest.fixture(scope="module")
def videos(clip, said, tmp_path_factory):
    folder = tmp_path_factory.mktemp("videos")
    (folder / "more").mkdir()
    frames = list(clip.read(range(FRAMES)))
    write(folder / "more" / "good.mp4", frames, said)
    write(folder / "mute.mp4", frames, None)
    write(folder / "short.mp4", frames[:20], said)
    write(folder / "nobody.mp4", [np.full_like(frames[0], 90)] * FRAMES, said)
    (folder / "broken.mp4").write_bytes(b"not a video")
    (folder / "notes.txt").write_text("not a video either")
    return folder


def write(path, frames, audio):
    with open_writer(path, *frames[0].shape[:2], Fraction(25), audio=audio) as writer:
        for index, frame in enumerate(frames):
            writer.write(frame, index / 25)


@pytest.fixture(scope="module")
def data(videos, tmp_path_factory):
    out = tmp_path_factory.mktemp("data")
    return out, {result.file: result for result in prepare(videos, out, TARGETS)}


def test_every_file_has_a_result(data):
    results = data[1]
    assert results["more/good.mp4"].clips == ("00000",) and not results["more/good.mp4"].dropped
    why = {name: result.dropped[0] for name, result in results.items() if not result.clips}
    assert sorted(why) == ["broken.mp4", "mute.mp4", "nobody.mp4", "short.mp4"]
    assert "no audio" in why["mute.mp4"] and "No face" in why["nobody.mp4"]
    assert "No stretch of 1.9 s" in why["short.mp4"] and "found in 20 of 20" in why["short.mp4"]


def test_clip_is_the_aligned_face_and_its_audio(data, clip, said):
    footage = Footage(data[0])
    crops = footage.crops(0)
    assert footage.clips == 1 and footage.resolution == 128 and crops.shape == (FRAMES, 128, 128, 3)
    matrices = smooth_matrices(clip.truth[0].points, clip.times, 128)
    expected = crop_face(next(clip.read([10])), matrices[10], 128)
    assert np.corrcoef(crops[10].ravel(), expected.ravel())[0, 1] > 0.88  # the mesh errs by some pixels
    samples = footage.audio(0)
    assert len(samples) == FRAMES * 640
    lag = np.correlate(samples, said.samples[0, : len(samples)], "full").argmax() - len(samples) + 1
    assert abs(lag) < 320, "audio and image do not start together"
    utterance = footage.utterances(0)[0]
    assert footage.times(utterance)[-1] == (FRAMES - 1) / 25 and footage.openness(utterance) is None


def test_prepared_files_are_not_looked_at_again(data, videos):
    assert list(prepare(videos, data[0], TARGETS)) == []


def test_a_file_that_was_mended_or_replaced_is_looked_at_again(videos, tmp_path):
    """As the reasons advise: copy it again, re-encode it."""
    folder, out = tmp_path / "videos", tmp_path / "out"
    folder.mkdir()
    (folder / "a.mp4").write_bytes(b"cut short")
    shutil.copy(videos / "more" / "good.mp4", folder / "b.mp4")
    assert [result.clips for result in prepare(folder, out, TARGETS)] == [(), ("00000",)]
    shutil.copy(videos / "more" / "good.mp4", folder / "a.mp4")
    os.utime(folder / "b.mp4", (0, 0))
    assert [result.clips for result in prepare(folder, out, TARGETS)] == [("00001",), ("00002",)]
    assert Footage(out).clips + Footage(out, test=True).clips == 2
    assert sorted(path.stem for path in (out / "crops0").iterdir()) == ["00001", "00002"]


def test_what_of_a_video_is_left_out_is_told(clip, said, tmp_path):
    frames = list(clip.read(range(FRAMES)))
    (tmp_path / "videos").mkdir()
    write(tmp_path / "videos" / "late.mp4", [np.full_like(frames[0], 90)] * 40 + frames, twice(said))
    (result,) = prepare(tmp_path / "videos", tmp_path / "out", TARGETS)
    assert len(result.clips) == 1 and result.notes[0].startswith("2.0 of 3.6 s can be used")


def test_audio_is_as_loud_as_when_a_model_is_used(clip, said, data, tmp_path):
    """Quiet footage would teach that quiet speech opens the mouth as far as loud speech; the pipeline levels it."""
    (tmp_path / "videos").mkdir()
    write(tmp_path / "videos" / "a.mp4", list(clip.read(range(FRAMES))), Waveform(said.samples / 50, 16_000))
    list(prepare(tmp_path / "videos", tmp_path / "out", TARGETS))
    quiet, usual = (
        loudness(Waveform(Footage(f).audio(0)[None], 16_000)) for f in (tmp_path / "out", data[0])
    )
    assert abs(quiet - usual) < 0.5 and -23 < usual < -17


def twice(audio):
    return Waveform(np.concatenate([audio.samples, audio.samples], 1), audio.sample_rate)


def test_a_run_that_was_stopped_goes_on(tmp_path):
    for name in ("a.mp4", "b.mp4", "c.mp4"):
        (tmp_path / name).write_bytes(b"not a video")
    out = tmp_path / "data"
    assert next(prepare(tmp_path, out, TARGETS)).file == "a.mp4"
    assert [result.file for result in prepare(tmp_path, out, TARGETS)] == ["b.mp4", "c.mp4"]
    assert len(json.loads((out / "report.json").read_text())["files"]) == 3


def test_small_faces_are_dropped(videos, tmp_path):
    (result,) = prepare(videos / "more", tmp_path / "large", Criteria(resolution=512))
    assert not result.clips and "times as wide as in a crop of 512 px" in result.dropped[0]


def stand_in_syncnet(monkeypatch, offset, confidence):
    """Prepare by a SyncNet that gives every clip this score."""
    curve = SimpleNamespace(offset=offset, confidence=confidence, sure=confidence >= LEAST_CONFIDENCE)
    monkeypatch.setattr("latentsync_lab.training.preparation.sync_curve", lambda *args, **more: curve)
    return SimpleNamespace(resolution=128)


def test_audio_that_is_far_off_drops_the_clip(videos, tmp_path, monkeypatch):
    syncnet = stand_in_syncnet(monkeypatch, -7, 0.4)
    (result,) = prepare(videos / "more", tmp_path, TARGETS, syncnet)
    reason = "0.0-2.0 s: the audio is off by -7 frames (confidence 0.40), at most 6 are corrected"
    assert result.dropped == (reason,) and not result.clips
    with pytest.raises(InputError, match="has no clips"):
        Footage(tmp_path)


def test_a_syncnet_that_is_not_sure_drops_nobody(data, videos, tmp_path, monkeypatch):
    syncnet = stand_in_syncnet(monkeypatch, -15, 0.05)
    (result,) = prepare(videos / "more", tmp_path, TARGETS, syncnet)
    assert result.clips == ("00000",) and "finds no clear offset: -15 frames" in result.notes[0]
    assert np.array_equal(Footage(tmp_path).audio(0), Footage(data[0]).audio(0))


@pytest.mark.parametrize("frames", [-4, 3])
def test_audio_that_is_a_little_off_is_moved_back(frames, clip, said, data, tmp_path):
    """By the bundled SyncNet: it finds by how much, and the clip gets the audio that it would have had."""
    late = np.roll(said.samples, frames * 640, axis=1)
    (tmp_path / "videos").mkdir()
    write(tmp_path / "videos" / "off.mp4", list(clip.read(range(FRAMES))), Waveform(late, 16_000))
    (result,) = prepare(tmp_path / "videos", tmp_path / "out", TARGETS, load_syncnet(find_syncnet("nano")))
    assert result.notes[0].startswith(f"0.0-2.0 s: the audio was moved by {-frames:+d} frames")
    moved, right = Footage(tmp_path / "out").audio(0), Footage(data[0]).audio(0)
    inside = slice(5 * 640, -5 * 640)
    lag = np.correlate(moved[inside], right[inside], "full").argmax() - len(right[inside]) + 1
    assert abs(lag) < 320


def test_an_offset_is_not_taken_from_one_or_two_windows():
    """By two, the bundled SyncNet found one of +2 frames in 2 s of a filmed person, at a confidence of 0.55."""
    rng = np.random.default_rng(0)
    shot = _Shot(rng.integers(0, 256, (48, 128, 128, 3), np.uint8), 0, 48)
    audio = rng.standard_normal(48 * 640).astype(np.float32) / 10
    assert _measure_offset(shot, audio, load_syncnet(find_syncnet("nano"))).windows >= 4


def test_progress_tells_the_file_and_its_frames(videos, tmp_path):
    said = []
    list(prepare(videos / "more", tmp_path, TARGETS, progress=lambda *what: said.append(what)))
    assert {what[0] for what in said} == {"1/1 good.mp4"} and said[-1][1:] == (FRAMES, FRAMES)
    done = [what[1] for what in said]
    assert len(said) > 1 and done == sorted(done)


def test_another_size_needs_another_folder(data, videos, tmp_path):
    with pytest.raises(InputError, match="was prepared with resolution 128, not 256"):
        list(prepare(videos, data[0], Criteria()))
    with pytest.raises(InputError, match="was prepared with syncnet False, not True"):
        list(prepare(videos, data[0], TARGETS, SimpleNamespace(resolution=128)))
    with pytest.raises(InputError, match="has no videos"):
        list(prepare(tmp_path, tmp_path / "out", TARGETS))


def test_stretches_end_at_cuts_and_gaps():
    count = 400
    timeline = Timeline(np.arange(count), np.arange(count) / 25, count / 25)
    usable = np.ones(count, bool)
    usable[60:70] = False
    assert list(_find_stretches(usable, timeline, (130,))) == [(0, 60), (70, 130), (130, 265), (265, 400)]
    assert list(_find_stretches(usable, timeline, (100, 130))) == [(0, 60), (130, 265), (265, 400)]


@pytest.mark.parametrize("frames", [47, 48, 150, 151, 197, 302, 1000])
def test_long_stretches_are_used_to_their_end(frames):
    timeline = Timeline(np.arange(frames), np.arange(frames) / 25, frames / 25)
    parts = list(_find_stretches(np.ones(frames, bool), timeline, ()))
    assert sum(stop - start for start, stop in parts) == (frames if frames >= 48 else 0)
    assert all(48 <= stop - start <= 150 for start, stop in parts)


def test_one_clip_in_twenty_is_held_out(tmp_path):
    names = [f"{k:05d}" for k in range(25)]
    report = {"resolution": 128, "files": {"a": {"clips": names, "dropped": []}}}
    (tmp_path / "report.json").write_text(json.dumps(report))
    train, test = (Footage(tmp_path, test=t) for t in (False, True))
    assert (train.clips, test.clips) == (23, 2)
    assert not set(train._names) & set(test._names)
