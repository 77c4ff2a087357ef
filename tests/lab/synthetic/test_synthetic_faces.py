"""The project's own face survey finds the invented faces, their points and their mouths."""

import numpy as np
import pytest

from latentsync_lab.synthetic import (
    Expression,
    Head,
    Identity,
    MouthShape,
    Pose,
    bundled_speech,
    talking_clip,
)
from latentsync_lab.synthetic.backdrop import paint_backdrop

faces = pytest.importorskip("latentsync_core.faces")

SIZE = 256
VIEW = np.array([[2.7 / SIZE, 0, -1.35], [0, 2.7 / SIZE, -1.2]])


@pytest.fixture(scope="module")
def finder():
    return faces.FaceFinder()


def draw(seed, rng):
    """A random person in a random pose, and their points in pixels."""
    identity = Identity.random(seed)
    head, image = Head(identity, 256), paint_backdrop(identity, SIZE, SIZE)
    pose = Pose(rng.uniform(-18, 18), rng.uniform(-9, 9), rng.uniform(-8, 8))
    head.draw(image, VIEW, pose, Expression(MouthShape(*rng.uniform(0, 0.8, 3))))
    return (np.clip(image, 0, 1) * 255).astype(np.uint8), (head.points(pose) - VIEW[:, 2]) / VIEW[0, 0]


def distance(points):
    return np.linalg.norm(points[1] - points[0])


def test_faces_are_found_where_they_are(finder):
    rng = np.random.default_rng(0)
    drawn = [draw(900 + k, rng) for k in range(12)]
    found = finder.find([image for image, _ in drawn])
    errors = [
        np.abs(faces_[0].points - points).max() / distance(points)
        for faces_, (_, points) in zip(found, drawn, strict=True)
        if len(faces_) == 1
    ]
    assert len(errors) >= 11
    assert np.median(errors) < 0.05 and max(errors) < 0.12


def test_an_empty_place_has_no_face(finder):
    image = (paint_backdrop(Identity.random(4), SIZE, SIZE) * 255).astype(np.uint8)
    assert finder.find([image]) == [[]]


def test_the_survey_follows_a_clip(finder):
    clip = talking_clip(6, bundled_speech("a").samples[0][:16000], size=(224, 224))
    found = [faces_[0].points for faces_ in finder.find(list(clip.read(range(0, 25, 6))))]
    truth = clip.truth[0].points[::6]
    assert np.abs(np.array(found) - truth).max() / distance(truth[0]) < 0.12
