"""What `lip_sync` promises, whatever the networks: counts, untouched pixels, same seed, cancel, resume, memory."""

import itertools
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from support.recipes import frame
from support.runs import FAST, POINTS, clip_of, speech_of, sync, track_of
from support.tiny import golden_pipeline_models

from latentsync_core import FaceTrack, Options, TensorClip, Waveform, lip_sync, make_plan
from latentsync_core.diffusion import Denoiser
from latentsync_core.errors import DeviceError, FaceError, InputError, MediaError, WeightsError
from latentsync_core.pipeline.rendering import READ_AHEAD


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return golden_pipeline_models(tmp_path_factory.mktemp("tiny"))


def changed_box(a, b):
    """Return the rows and columns between which two images differ."""
    rows, columns = np.nonzero((a != b).any(-1))
    return rows.min(), rows.max(), columns.min(), columns.max()


@pytest.mark.parametrize("dtype", [np.uint8, np.float16, np.float32, np.float64])
def test_frames_keep_their_type_and_everything_outside_the_mouth(models, dtype):
    frames, source = sync(models, 6, dtype=dtype), clip_of(6, dtype=dtype)
    assert len(frames) == 6
    for i, (ours, theirs) in enumerate(zip(frames, source.read(range(6)), strict=True)):
        assert ours.dtype == dtype and ours.shape == theirs.shape
        top, bottom, left, right = changed_box(ours, theirs)
        brow, nose = POINTS[0, 1] + 0.2 * i, POINTS[2, 1] + 0.2 * i
        assert top > brow and bottom < nose + 3.5 * (nose - brow)
        assert left > POINTS[0, 0] - 60 and right < POINTS[1, 0] + 60


@pytest.mark.parametrize("preset", ["balanced", "exact"])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_masks_say_what_was_changed(models, preset, dtype):
    masks, missing = [], range(4, 26)
    options = Options.preset(preset, missing_face="keep", length="silence", **FAST)
    frames = sync(models, 30, missing=missing, dtype=dtype, options=options, masks=masks.append)
    source = clip_of(30, dtype=dtype).read(range(30))
    for i, (new, old, mask) in enumerate(zip(frames, source, masks, strict=True)):
        assert mask.shape == old.shape[:2] and mask.dtype == np.float32
        assert mask.min() >= 0 and mask.max() <= 1 and mask.any() == (i not in missing)
        assert np.array_equal(new[mask == 0], old[mask == 0])
        assert i in missing or (new != old).any(-1)[mask > 0.1].mean() > 0.9


def test_the_mask_of_a_frame_comes_just_before_it(models):
    masks = []
    stream = lip_sync(clip_of(6), speech_of(0.24), models, Options(**FAST), track_of(6), masks=masks.append)
    assert [len(masks) for _ in stream] == [1, 2, 3, 4, 5, 6]


def test_a_float_clip_gives_what_an_8_bit_clip_gives(models):
    for exact in (False, True):
        options = Options.preset("exact" if exact else "balanced", **FAST)
        eight = sync(models, 6, options=options)
        floats = sync(models, 6, options=options, dtype=np.float32)
        assert max(np.abs(a - b * 255).max() for a, b in zip(eight, floats, strict=True)) < 1.5


def test_the_same_seed_gives_the_same_bytes(models):
    first, again = sync(models), sync(models)
    other = sync(models, options=Options(seed=7, **FAST))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not any(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize(
    ("mode", "seconds", "count"),
    [("longest", 0.2, 10), ("longest", 0.6, 10), ("longest", 0.72, 18), ("silence", 0.2, 10), ("silence", 2.0, 10), ("cut_off", 0.2, 5), ("loop", 0.72, 18), ("bounce", 0.72, 18),
     ("remap", 0.2, 5)],
)  # fmt: skip
def test_as_many_frames_as_the_length_mode_says(models, mode, seconds, count):
    assert len(sync(models, seconds=seconds, options=Options(length=mode, **FAST))) == count


def test_by_default_silence_after_the_speech_adds_no_frame(models):
    speech = speech_of(2.0)
    speech.samples[:, 6400:] = 0
    plan = make_plan(clip_of(10), speech, track=track_of(10))
    assert len(plan) == 10 and "silence, or speech of less than 0.25 s, adds no frame" in str(plan)
    speech.samples[:, 16000:17600] = 0.5
    assert len(make_plan(clip_of(10), speech, track=track_of(10))) == 50


def test_a_picture_and_a_sentence_make_a_talking_picture(models):
    """One frame of a batch is as many frames as the speech lasts, and the mouth moves."""
    frames = sync(models, 1, seconds=0.72)
    assert len(frames) == 18 and len({frame.tobytes() for frame in frames}) > 9


def test_frames_without_the_face_pass_through_untouched(models):
    frames, source = sync(models, 40, missing=range(10, 30)), list(clip_of(40).read(range(40)))
    same = [np.array_equal(a, b) for a, b in zip(frames, source, strict=True)]
    assert all(same[10:30]) and not any(same[:10]) and not any(same[30:])


@pytest.mark.parametrize(("policy", "untouched"), [("keep", [4, *range(8, 26)]), ("hold", [])])
def test_the_mouth_may_be_held_through_gaps(models, policy, untouched):
    options = Options(missing_face=policy, **FAST)
    frames = sync(models, 30, missing=[4, *range(8, 26)], options=options)
    same = [np.array_equal(a, b) for a, b in zip(frames, clip_of(30).read(range(30)), strict=True)]
    assert np.flatnonzero(same).tolist() == untouched


def test_silence_may_keep_the_mouth(models):
    speech = Waveform(np.zeros((1, 16000), np.float32), 16000)
    options = Options(silence="keep", **FAST)
    frames = list(lip_sync(clip_of(10), speech, models, options, track_of(10)))
    assert all(np.array_equal(a, b) for a, b in zip(frames, clip_of(10).read(range(10)), strict=True))


def test_high_rates_come_back_whole(models):
    frames, source = sync(models, 24, fps=60), list(clip_of(24).read(range(24)))
    assert len(frames) == 24
    assert not any(np.array_equal(a, b) for a, b in zip(frames, source, strict=True))


def test_progress_counts_every_step_and_may_cancel(models):
    seen = []
    sync(models, 10, progress=lambda *step: seen.append(step))
    windows = len(
        make_plan(clip_of(10), speech_of(0.4), Options(**FAST), track_of(10), models=models).windows
    )
    listened = [("listen", 0, 1), ("listen", 1, 1)]
    assert seen == listened + [("resync", i, 2 * windows) for i in range(2 * windows + 1)]

    def cancel(stage, done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sync(models, 10, progress=cancel)


def test_a_closed_mouth_hears_nothing_in_a_pause(models, monkeypatch, tmp_path):
    """With noise in the pause: all frames are re-synced, and finished windows of another policy are not taken."""
    speech, heard = speech_of(1.6), []
    speech.samples[:, 9600:19200] *= 0.003
    denoise = Denoiser.denoise

    def spy(self, window):
        heard.append(np.abs(window.tokens).max((1, 2)))
        return denoise(self, window)

    monkeypatch.setattr(Denoiser, "denoise", spy)

    def run(silence):
        heard.clear()
        options = Options(silence=silence, overlap=0, **FAST)
        return list(lip_sync(clip_of(40), speech, models, options, track_of(40), work=tmp_path))

    usual = run("model")
    assert np.concatenate(heard).min() > 0
    closed = run("closed")
    told = np.concatenate(heard)
    assert np.flatnonzero(told == 0).tolist() == list(
        range(3, 11)
    )  # frames 19..26 of the windows from frame 16 on
    same = [np.array_equal(a, b) for a, b in zip(usual, closed, strict=True)]
    assert all(same[:16]) and all(same[32:]) and not any(same[16:31])


def test_after_the_speech_there_is_silence(models):
    """Shorter speech is padded, so that what follows is what it is for speech with silence recorded after it."""
    speech, padded = speech_of(0.2), speech_of(0.4)
    padded.samples[:, 3200:] = 0
    short, long = (
        np.array(list(lip_sync(clip_of(10), s, models, Options(**FAST), track_of(10))), int)
        for s in (speech, padded)
    )
    assert np.abs(short - long).max() <= 1  # its loudness is measured anew, and a gain is rounded


def test_a_short_gap_across_a_cut_passes_through(models):
    track = replace(track_of(20, missing=[9, 10]), cuts=(10,))
    frames = list(lip_sync(clip_of(20), speech_of(0.8), models, Options(**FAST), track))
    same = [np.array_equal(a, b) for a, b in zip(frames, clip_of(20).read(range(20)), strict=True)]
    assert [i for i, equal in enumerate(same) if equal] == [9, 10]


def test_exact_says_at_once_that_a_face_is_missing(models):
    with pytest.raises(FaceError, match="3 of 12 frames show no face of the speaker, the first is frame 4"):
        sync(models, 10, missing=[4, 5, 6], options=Options.preset("exact", **FAST))
    kept = Options.preset("exact", missing_face="keep", **FAST)
    frames = sync(models, 10, missing=[4, 5, 6], options=kept)
    same = [np.array_equal(a, b) for a, b in zip(frames, clip_of(10).read(range(10)), strict=False)]
    assert [i for i, equal in enumerate(same) if equal] == [4, 5, 6]


def failing(function, fails):
    """A stand-in for a network on a device whose memory is short."""

    def call(*args, **kwargs):
        if fails(args[0]):
            raise torch.OutOfMemoryError("simulated")
        return function(*args, **kwargs)

    return call


@pytest.mark.usefixtures("plain_network")
def test_short_memory_halves_the_work_with_the_same_result(models, monkeypatch):
    options = Options(steps=2, guidance=1.5)
    whole = sync(models, 4, options=options)
    monkeypatch.setattr(models.unet, "forward", failing(models.unet.forward, lambda batch: len(batch) > 1))
    monkeypatch.setattr(models.vae, "decode", failing(models.vae.decode, lambda batch: len(batch) > 2))
    halves = sync(models, 4, options=options)
    assert max(np.abs(a.astype(int) - b).max() for a, b in zip(whole, halves, strict=True)) <= 1


def test_what_filled_the_memory_is_let_go_before_the_cache_is_emptied(models, monkeypatch):
    handled = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: handled.append(sys.exc_info()[1]))
    monkeypatch.setattr(models.vae, "decode", failing(models.vae.decode, lambda batch: len(batch) > 1))
    sync(models, 4)
    assert handled == [None, None]


@pytest.mark.usefixtures("plain_network")
def test_no_memory_at_all_says_what_to_do(models, monkeypatch):
    monkeypatch.setattr(models.unet, "forward", failing(models.unet.forward, lambda batch: True))
    with pytest.raises(DeviceError, match="ran out of memory in the UNet.*half-precision"):
        sync(models, 4)


def test_only_a_bounded_number_of_frames_is_held(models):
    """The source is read two windows ahead of what has been yielded, and the frames in the queue of the reader."""

    class Counting(TensorClip):
        reads = 0

        def read(self, indices):
            for item in super().read(indices):
                self.reads += 1
                yield item

    clip = Counting(np.stack([frame(180, 200, i) for i in range(40)]), 25)
    stream = lip_sync(clip, speech_of(1.6), models, Options(**FAST), track_of(40, missing=range(15, 34)))
    for count, _ in enumerate(stream, 1):
        assert clip.reads <= count + 2 * models.window_frames + READ_AHEAD + 2


def test_one_frame_and_odd_sizes(models):
    for height, width in ((1, 1), (3, 5), (181, 199)):
        clip = TensorClip(np.full((1, height, width, 3), 90, np.uint8), 25)
        (out,) = lip_sync(clip, speech_of(0.04), models, Options(**FAST), track_of(1))
        assert out.shape == (height, width, 3)


def test_bad_input_is_one_clear_error(models):
    speech = speech_of(0.4)
    with pytest.raises(FaceError, match="None of the 10 frames"):
        sync(models, missing=range(10))
    with pytest.raises(InputError, match="track has 9 frames, but the clip has 10"):
        next(lip_sync(clip_of(10), speech, models, Options(), track_of(9)))
    with pytest.raises(InputError, match="track has 0 frames, but the clip has 10"):
        next(lip_sync(clip_of(10), speech, models, Options(), FaceTrack.from_points(np.zeros((0, 3, 2)))))
    with pytest.raises(MediaError, match="at least 20 ms"):
        next(lip_sync(clip_of(10), speech_of(0.01), models, Options.preset("exact"), track_of(10)))
    with pytest.raises(InputError, match="NaN"):
        Waveform(np.full((1, 100), np.nan, np.float32), 16000)
    frames = np.full((3, 8, 8, 3), 0.5, np.float32)
    frames[1, 2, 2] = np.nan
    with pytest.raises(InputError, match="Frame 1"):
        list(TensorClip(frames, 25).read(range(3)))


@pytest.mark.parametrize(("network", "method"), [("unet", "forward"), ("vae", "decode")])
@pytest.mark.usefixtures("plain_network")
def test_networks_that_return_nan_are_an_error(models, monkeypatch, network, method):
    network = getattr(models, network)
    forward = getattr(network, method)

    def broken(*args, **kwargs):
        out = forward(*args, **kwargs)
        out.sample[:] = float("nan")
        return out

    monkeypatch.setattr(network, method, broken)
    with pytest.raises(WeightsError, match="NaN.*fp32"):
        sync(models, 4)


def test_nothing_is_denoised_before_the_plan_is_made(models):
    steps = itertools.count()
    with pytest.raises(FaceError):
        sync(models, missing=range(10), progress=lambda *_: next(steps))
    assert next(steps) == 0
