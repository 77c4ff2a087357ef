"""A real clip, and real motion that is known."""

import av
import cv2
import numpy as np
import pytest
from face_scenes import ListClip, scene

from latentsync_core.faces import choose, fit_similarity, smooth_matrices, survey

EVERY = 10


@pytest.mark.slow
def test_every_tenth_frame_of_a_talking_head(talking_head, finder):
    with av.open(str(talking_head)) as container:
        container.streams.video[0].thread_type = "AUTO"
        frames = [
            frame.to_ndarray(format="rgb24")
            for index, frame in enumerate(container.decode(video=0))
            if index % EVERY == 0
        ]
    found = survey(ListClip(frames, fps=2.5), finder)
    track = choose(found)
    assert len(found.tracks) == 1 and track.found.all() and track.scores.min() > 0.9
    assert np.nanmax(found.tracks[0].turn) < 45
    brows, nose = track.points[:, :2].mean(1), track.points[:, 2]
    assert (nose[:, 1] > brows[:, 1]).all()
    heights = found.boxes[0, :, 3] - found.boxes[0, :, 1]
    assert 250 < heights.min() and heights.max() < 450


@pytest.mark.parametrize("number", [0, 1])
def test_known_motion_is_measured_without_jitter(finder, number):
    rng, count, times = np.random.default_rng(number), 30, np.arange(30) / 25
    base = scene((number, 240, 180, 300, 0))
    shift = np.stack([12 * np.sin(4 * times), 6 * np.sin(6 * times + 1)], -1)
    degrees, scales = 3 * np.sin(4 * times), 1 + 0.04 * np.sin(3 * times)
    frames, truth = [], []
    for k in range(count):
        matrix = cv2.getRotationMatrix2D((240, 180), degrees[k], scales[k])
        matrix[:, 2] += shift[k]
        noise = rng.normal(0, 4, base.shape)
        moved = cv2.warpAffine(base, matrix, (480, 360), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
        frames.append(np.clip(moved + noise, 0, 255).astype(np.uint8))
        truth.append(matrix)
    track = choose(survey(ListClip(frames), finder))

    def errors(matrices):
        """Standard deviation of log scale and of rotation (radians) against the truth."""
        both = matrices[:, :, :2] @ np.stack(truth)[:, :, :2]  # constant for a perfect measurement
        return np.log(np.hypot(both[:, 0, 0], both[:, 1, 0])).std(), np.arctan2(
            both[:, 1, 0], both[:, 0, 0]
        ).std()

    raw, smoothed = (
        errors(fit_similarity(track.points, 256)),
        errors(smooth_matrices(track.points, times, 256)),
    )
    assert raw[0] < 0.005 and raw[1] < 0.005
    assert smoothed[0] < raw[0] and smoothed[1] < raw[1]
