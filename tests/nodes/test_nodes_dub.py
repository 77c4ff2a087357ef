"""Line and Dub: lines at their times, by their speakers, in one pass; and what is wrong with any of them."""

import importlib
from fractions import Fraction

import numpy as np
import pytest
import torch
from comfy_setup import PACK


def test_a_chain_of_lines_is_in_the_order_of_its_nodes(line, run, core, speaker, audio):
    options = run("LatentSyncOptions", preset="draft", **{"preset.steps": 3, "preset.length": "loop"})
    first = line(start=0.4, choose="number", speaker=None, **{"choose.number": 2})
    both = line(lines=first, audio_in=0.1, audio_out=0.0, strength=0.5, seed=9, options=options)
    assert [said.name for said in both] == ["1", "2"] and both[0] is first[0]
    one, two = both
    assert (one.start, one.audio_in, one.audio_out, one.speaker, one.options) == (0.4, 0.0, 0.24, 2, {})
    assert (two.start, two.audio_in, two.audio_out, two.strength) == (0.0, 0.1, None, 0.5)
    assert two.speaker is speaker and two.audio.duration == audio["waveform"].shape[-1] / 16000
    assert (two.options["steps"], two.options["seed"], two.options["sampler"]) == (3, 9, "dpm++")
    assert {"length", "fps"} & set(two.options) == set()


def test_frames_equal_the_core_and_those_without_a_line_the_films(
    dub, line, core, images, audio, survey, checkpoint
):
    lines = line(lines=line(start=0.08), start=0.48)
    _, result, _, mask, report = dub(lines)
    pipeline = importlib.import_module(f"{PACK}.latentsync_core.pipeline")
    models = core.load_models(checkpoint, device="cpu")
    options = core.Options.preset("balanced", steps=2, guidance=1.0, reuse=1)
    plan = pipeline.plan_dub(core.TensorClip(images, 25), lines, options, survey, models=models)
    assert np.array_equal(result.numpy(), np.stack(list(pipeline.render(plan, models))))
    changed = (result != images).flatten(1).any(1).nonzero().flatten().tolist()
    assert changed == [*range(2, 8), *range(12, 18)]
    assert torch.equal(result[mask == 0], images[mask == 0]) and 0 < mask.max() <= 1
    assert "12 of 20 frames get a new mouth. 2 of 2 windows denoised" in report
    assert "line 1: frames 2-7" in report and "line 2: frames 12-17" in report
    assert "tiny at 32 px on cpu" in report and "settings: LatentSync Options" in report


def test_the_films_audio_stays_but_under_the_lines(dub, line, audio):
    own = {"waveform": 0.1 * torch.ones(1, 2, 32000), "sample_rate": 40000}
    quiet = {"waveform": torch.zeros(1, 1, 16000), "sample_rate": 16000}
    lines = line(audio=quiet, start=0.2)
    under = {
        mode: dub(lines, audio=own, audio_mode=mode, **more)[2]["waveform"][0]
        for mode, more in {"replace": {}, "mix": {}, "duck": {"audio_mode.duck_db": 20.0}}.items()
    }
    outside = torch.ones(32000, dtype=bool)
    outside[8000:17600] = False
    for mode, left in {"replace": 0.0, "mix": 0.1, "duck": 0.01}.items():
        assert under[mode].shape == (2, 32000) and (under[mode][:, outside] == 0.1).all()
        assert under[mode][:, 12000] == pytest.approx(left, abs=1e-6)
    silent = dub(line(start=0.2))[2]
    assert silent["sample_rate"] == 16000 and not silent["waveform"][..., :3200].any()


def test_speech_is_fitted_into_its_place(dub, line, core):
    lines = line(start=0.2, end=0.45, fit=True)
    lines = line(lines=lines, start=0.5, end=0.6, fit=True, strength=0.0)
    assert [(said.end, said.fit) for said in line(lines=lines, end=0.1)][1:] == [(0.6, True), (0.1, False)]
    _, _, sound, mask, report = dub(lines)
    assert "line 1: the speech is fitted from 0.24 to 0.25 s" in report and "so it stays as it is" in report
    assert mask.flatten(1).any(1).nonzero().flatten().tolist() == list(range(5, 12))
    assert sound["waveform"][0, 0, 7150:7190].any()  # before second 0.45, after 0.44
    for given, words in (
        ({"end": 0.1, "start": 0.2}, "end of a line lies after start"),
        ({}, "fit takes an end"),
    ):
        with pytest.raises(core.LatentSyncError, match=words):
            line(fit=True, **given)


def test_images_come_out_as_a_video_too(dub, line, images):
    video, result, sound, _, _ = dub(line())
    parts = video.get_components()
    assert parts.images is result and parts.frame_rate == Fraction(25)
    assert torch.equal(parts.audio["waveform"], sound["waveform"])


def test_one_line_over_all_of_it_is_a_lip_sync(dub, line, run, model, fast, images, audio, speaker):
    given = {"images": images, "audio": audio, "fps": 25.0, "model": model, "options": fast}
    synced = run("LatentSyncLipSyncFrames", speaker=speaker, **given)
    dubbed = dub(line(audio_out=0.0))
    assert torch.equal(dubbed[1], synced[0]) and torch.equal(dubbed[3], synced[2])


def test_a_video_comes_out_as_a_video(dub, line, video, core, left):
    for return_images in (False, True):
        result, images, sound, mask, _ = dub(
            line(start=0.2), images=None, video=video, return_images=return_images
        )
        path = result.get_stream_source()
        clip = core.FileClip(path)
        assert (len(clip), clip.width, clip.height, clip.fps, clip.has_audio) == (20, 192, 192, 25, True)
        own = core.read_audio(video.get_stream_source()).samples
        assert sound["waveform"].shape[-1] == own.shape[-1]
        assert np.array_equal(sound["waveform"][0, :, :3000], own[:, :3000])
    source = np.stack(list(core.FileClip(video.get_stream_source()).read(range(20)))) / np.float32(255)
    assert images.shape == (20, 192, 192, 3) and mask.shape == (20, 192, 192)
    assert np.array_equal(images[mask == 0].numpy(), source[mask.numpy() == 0])
    assert np.abs(images.numpy() - np.stack(list(clip.read(range(20)))) / 255).mean() < 0.02
    del result, path, clip
    assert left() == []


def test_what_a_video_is_not_asked_for_says_so(dub, line, video):
    _, images, _, mask, _ = dub(line(), images=None, video=video)
    assert images is mask and "only with return_images on" in images.message


def test_a_retake_denoises_the_windows_of_its_line_alone(dub, line):
    def count(lines):
        report = dub(lines)[4]
        return next(text for text in report.splitlines() if "denoised" in text).split(". ")[1]

    early, late = line(start=0.0, audio_out=0.2), line(start=0.6, audio_out=0.2)
    assert count((*early, *late)) == "2 of 2 windows denoised."
    assert count((*early, *late)) == "0 of 2 windows denoised; the others are from earlier runs."
    again = line(lines=early, start=0.6, audio_out=0.2, seed=3)
    assert count(again).startswith("1 of 2 windows")
    assert count(again).startswith("0 of 2 windows")


def test_all_that_is_wrong_is_said_and_by_which_line(dub, line, core, run, monkeypatch, bridge):
    texts = []
    monkeypatch.setattr(bridge("progress"), "send_text", lambda text, _: texts.append(text))
    exact = run("LatentSyncOptions", preset="exact")
    good = line(start=0.2)
    bad = line(lines=good, start=9.0)
    bad = line(lines=bad, speaker=None, choose="number", **{"choose.number": 4})
    bad = line(lines=bad, audio_in=5.0, audio_out=0.0)
    bad = line(lines=bad, options=exact)
    bad = line(lines=bad, protect=torch.ones(7, 192, 192))
    with pytest.raises(core.LatentSyncError) as raised:
        dub(bad)
    said = str(raised.value).splitlines()
    assert [text[:8] for text in said] == [f"line {number}: " for number in range(2, 7)]
    words = [
        "shows no frame",
        "Face 4 was asked for",
        "There is no audio",
        "exact does one",
        "7 masks and 20 frames",
    ]
    assert [word in text for word, text in zip(words, said, strict=True)] == [True] * 5, said
    assert "line 1: frames 5-10" in texts[-1]


def test_a_film_is_a_video_or_images(dub, line, images, video, core):
    for given in ({"images": None}, {"video": video}):
        with pytest.raises(
            core.LatentSyncError, match=r"either video or images, (neither is|both are) connected"
        ):
            dub(line(), **given)


def test_without_strength_only_the_audio_is_laid(dub, line, images, audio):
    _, result, sound, mask, report = dub(line(strength=0.0))
    assert torch.equal(result, images) and not mask.any() and "0 of 20 frames" in report
    said = audio["waveform"][0, :, 200:3600]
    assert torch.equal(sound["waveform"][0, :, 200:3600], said)


def test_masks_of_a_line_keep_the_film_on_top(dub, line, images):
    protect = torch.zeros(1, 192, 192)
    protect[..., 96:] = 1
    whole, half = dub(line())[1], dub(line(protect=protect))[1]
    assert torch.equal(half[:, :, 96:], images[:, :, 96:])
    assert torch.equal(half[:, :, :96], whole[:, :, :96]) and not torch.equal(half, images)


def test_dubs_do_not_offer_what_is_for_a_whole_clip(nodes):
    for node in ("LatentSyncDub", "LatentSyncMakeMouths"):
        (preset,) = (part for part in nodes[node].GET_SCHEMA().inputs if part.id == "preset")
        assert "exact" not in preset.options and preset.default == "balanced"
