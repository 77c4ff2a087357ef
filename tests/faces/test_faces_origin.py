"""A face track and the clip that it belongs to."""

from dataclasses import replace
from fractions import Fraction
from io import BytesIO

import av
import cv2
import numpy as np
import pytest

from latentsync_core import FaceTrack, Options, TensorClip, Waveform, find_face, make_plan
from latentsync_core.errors import InputError, TrackError
from latentsync_core.faces import fit_track
from latentsync_lab.synthetic import bundled_speech, talking_clip

COUNT = 24


def frames_of(seed):
    return np.stack(list(talking_clip(seed, bundled_speech("a"), size=(160, 192)).read(range(COUNT))))


@pytest.fixture(scope="module")
def frames():
    return frames_of(3)


@pytest.fixture(scope="module")
def track(frames):
    return find_face(TensorClip(frames, 25))


def resized(frames, height, width, how=cv2.INTER_LANCZOS4):
    return np.stack([cv2.resize(frame, (width, height), interpolation=how) for frame in frames])


def compressed(frames):
    file = BytesIO()
    with av.open(file, "w", format="mp4") as out:
        stream = out.add_stream("libx264", rate=25, options={"crf": "40"})
        stream.height, stream.width, stream.pix_fmt = *frames.shape[1:3], "yuv420p"
        for frame in frames:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        out.mux(stream.encode())
    file.seek(0)
    with av.open(file) as again:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in again.decode(video=0)])


SAME = {
    "the same": lambda f: f,
    "twice as large": lambda f: resized(f, 384, 320),
    "smaller": lambda f: resized(f, 120, 100, cv2.INTER_AREA),
    "a side rounded to 16": lambda f: resized(f, 288, 241),
    "floats": lambda f: (f / 255).astype(np.float32),
    "compressed": compressed,
    "grey": lambda f: np.repeat(f.mean(-1, keepdims=True), 3, -1).astype(np.uint8),
    "bright": lambda f: (255 * (f / 255) ** 0.5).astype(np.uint8),
    "dark": lambda f: (255 * (f / 255) ** 2).astype(np.uint8),
    "warm": lambda f: np.clip(f * [1.3, 1.0, 0.6], 0, 255).astype(np.uint8),
    "blurred": lambda f: np.stack([cv2.GaussianBlur(frame, (0, 0), 2) for frame in f]),
    "another background": lambda f: np.concatenate([np.full_like(f[:, :, :16], 9), f[:, :, 16:]], 2),
}


@pytest.mark.parametrize("edit", SAME)
def test_the_same_clip_changed_is_accepted_and_scaled(frames, track, edit):
    changed = SAME[edit](frames)
    fits = fit_track(track, TensorClip(changed, 25))
    assert fits.size == changed.shape[1:3]
    scale = np.array(changed.shape[2:0:-1]) / [160, 192]
    assert np.allclose(fits.points, (track.points + 0.5) * scale - 0.5, equal_nan=True)


OTHER = {
    "another person": lambda f: frames_of(4),
    "yet another": lambda f: frames_of(5),
    "moved": lambda f: np.roll(f, 16, axis=2),
    "mirrored": lambda f: f[:, :, ::-1],
    "nobody": lambda f: np.full_like(f, 90),
    "cropped": lambda f: resized(f[:, 48:, 40:], 192, 160),
}


@pytest.mark.parametrize("edit", OTHER)
def test_another_clip_of_the_same_length_is_refused(frames, track, edit):
    with pytest.raises(TrackError, match="does not show the chosen face.*Look for the face in this clip"):
        fit_track(track, TensorClip(np.ascontiguousarray(OTHER[edit](frames)), 25))


@pytest.mark.parametrize(
    ("shape", "fps", "message"),
    [
        ((COUNT, 192, 192), 25, "frames of 160 x 192 pixels; those of the clip have 192 x 192"),
        ((COUNT, 160, 192), 25, "another shape"),
        ((COUNT, 192, 160), 30, "a clip of 25 frames a second; this one has 30"),
        ((COUNT - 1, 192, 160), 25, "has 24 frames, but the clip has 23"),
    ],
)
def test_another_shape_rate_or_length_is_refused(track, shape, fps, message):
    clip = TensorClip(np.full((*shape, 3), 90, np.uint8), fps)
    with pytest.raises(TrackError, match=message):
        make_plan(clip, speech(), Options(), track)


def test_a_plan_for_a_scaled_clip_is_that_of_the_clip(frames, track):
    small, large = TensorClip(frames, 25), TensorClip(resized(frames, 384, 320), 25)
    assert (
        make_plan(large, speech(), Options(), track).to_json()
        == make_plan(small, speech(), Options(), track).to_json()
    )


def test_rates_that_are_written_differently_are_one(frames, track):
    fit_track(replace(track, origin=replace(track.origin, fps=Fraction(24000, 1001))), TensorClip(frames, 24))


def test_own_points_are_scaled_if_their_size_is_given():
    points = np.tile([[70.0, 60], [118, 62], [95, 100]], (3, 1, 1))
    clip = TensorClip(np.zeros((3, 400, 600, 3), np.uint8), 25)
    assert np.array_equal(fit_track(FaceTrack.from_points(points), clip).points, points)
    assert np.allclose(fit_track(FaceTrack.from_points(points, (200, 300)), clip).points, 2 * points + 0.5)
    with pytest.raises(TrackError, match="another shape"):
        fit_track(FaceTrack.from_points(points, (300, 200)), clip)
    with pytest.raises(InputError, match="size"):
        FaceTrack.from_points(points, (0, 200))


def speech():
    return Waveform(np.zeros((1, 15360), np.float32), 16000)
