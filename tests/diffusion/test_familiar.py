"""Whether faces are those that nano was made for: drawn ones are, photographs are not."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from latentsync_core import (
    FileClip,
    Options,
    TensorClip,
    Waveform,
    load_models,
    make_plan,
    open_writer,
    read_audio,
)
from latentsync_core.diffusion import warn_of_strange_faces
from latentsync_core.diffusion.familiar import STRANGE, measure_lost_detail
from latentsync_core.faces import crop_size, smooth_matrices, warp_crop
from latentsync_core.faces.crop import to_square
from latentsync_core.media import trim
from latentsync_core.speakers import find_face
from latentsync_lab.synthetic import talking_clip

SILENCE = Waveform(np.zeros((1, 16000), np.float32), 16000)
SHOWN = [2, 12, 22]


@pytest.fixture(scope="module")
def models():
    return load_models("nano", device="cpu")


def crops(clip, track):
    matrices = smooth_matrices(track.points, clip.times, 128)
    return np.stack(
        [
            to_square(warp_crop(frame, matrices[i], crop_size(128)), 128)
            for i, frame in zip(SHOWN, clip.read(SHOWN), strict=True)
        ]
    )


def textured(clip, seed=0, size=20):
    """The clip with a texture as skin, hair and lenses have it: everywhere, one to three pixels fine."""
    noise = cv2.GaussianBlur(
        np.random.default_rng(seed).standard_normal((clip.height, clip.width)), (0, 0), 1.0
    )
    noise *= size / noise.std()
    frames = [
        np.clip(frame + noise[..., None], 0, 255).astype(np.uint8)
        for frame in clip.read(range(len(clip.times)))
    ]
    return TensorClip(np.stack(frames), clip.fps)


def compressed(clip, path, crf):
    with open_writer(path, clip.height, clip.width, clip.fps, crf=crf) as writer:
        for time, frame in zip(clip.times, clip.read(range(len(clip.times))), strict=True):
            writer.write(frame, float(time))
    return FileClip(path)


@pytest.mark.parametrize("count", [8, pytest.param(30, marks=pytest.mark.slow)])
def test_drawn_people_are_known(models, count):
    """People at four sizes, none of them near the limit."""
    sizes = [(160, 160), (256, 256), (480, 270), (540, 540)]
    for seed in range(2000, 2000 + count):
        clip = talking_clip(seed, SILENCE, size=sizes[seed % 4])
        assert measure_lost_detail(models.vae, crops(clip, clip.truth[0].track)) < STRANGE - 0.02, seed


@pytest.mark.parametrize("crf", [23, 35])
def test_drawn_people_are_known_after_compression(models, tmp_path, crf):
    for seed in (2031, 2032, 2033):
        clip = talking_clip(seed, SILENCE, size=(256, 256))
        seen = compressed(clip, tmp_path / f"{seed}.mp4", crf)
        assert measure_lost_detail(models.vae, crops(seen, clip.truth[0].track)) < STRANGE, seed


@pytest.mark.parametrize("change", [lambda x: x, lambda x: x * 0.4, lambda x: np.clip(x * 1.4, 0, 255)])
def test_texture_like_that_of_photographs_is_strange(models, change):
    """Whatever the light."""
    for seed in (2040, 2041, 2042):
        clip = talking_clip(seed, SILENCE, size=(256, 256))
        seen = crops(textured(clip, seed), clip.truth[0].track)
        assert measure_lost_detail(models.vae, change(seen).astype(np.float32)) > STRANGE + 0.05, seed


def planned(clip, track, models):
    return warn_of_strange_faces(clip, track, models, make_plan(clip, SILENCE, Options(), track))


def test_the_warning_says_what_to_take(models):
    clip = talking_clip(2050, SILENCE, size=(192, 192))
    track = clip.truth[0].track
    assert planned(clip, track, models) is None
    warning = planned(textured(clip), track, models)
    assert (
        warning.startswith("nano is made for drawn faces only")
        and "For people take LatentSync 1.6." in warning
    )


def test_checkpoints_for_people_are_not_asked(models):
    clip = textured(talking_clip(2050, SILENCE, size=(192, 192)))
    track = talking_clip(2050, SILENCE, size=(192, 192)).truth[0].track
    assert planned(clip, track, replace(models, faces=None, vae=models.vae)) is None


@pytest.mark.slow
@pytest.mark.parametrize("crf", [None, 30])
def test_a_filmed_person_is_strange(talking_head, real_speech, models, tmp_path, crf):
    clip = trim(FileClip(talking_head), 2.0, 1.0)
    track = find_face(clip)
    seen = clip if crf is None else compressed(clip, tmp_path / "again.mp4", crf)
    plan = make_plan(clip, read_audio(real_speech), Options(length="cut_off"), track)
    assert "nano is made for drawn faces only" in warn_of_strange_faces(seen, track, models, plan)
