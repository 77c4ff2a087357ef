"""Images and clips for the face tests: three painted heads on a plain background, and hand-made faces."""

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from latentsync_core.faces.mesh import Face

HEAD = 176


def head(number):
    """Read one of three painted heads (176, 176, 3); heads.jpg comes from a prototype of the procedural head."""
    image = cv2.imread(str(Path(__file__).with_name("heads.jpg")))[..., ::-1]
    return np.ascontiguousarray(image[:, number * HEAD : (number + 1) * HEAD])


def scene(*places, size=(360, 480), background=(90, 110, 100)):
    """Paint an image of `size` (height, width) with heads at places (number, x, y, side, degrees)."""
    image = np.full((*size, 3), background, np.uint8)
    for number, x, y, side, degrees in places:
        matrix = cv2.getRotationMatrix2D((HEAD / 2, HEAD / 2), degrees, side / HEAD)
        matrix[:, 2] += np.array([x, y]) - HEAD / 2
        warped = cv2.warpAffine(head(number), matrix, size[::-1])
        inside = cv2.warpAffine(np.ones((HEAD, HEAD), np.float32), matrix, size[::-1]) > 0.99
        image[inside] = warped[inside]
    return image


class ListClip:
    """A clip made of given frames that counts how often it is read."""

    def __init__(self, frames, fps=25):
        self.frames, self.fps = frames, Fraction(fps)
        self.times = np.arange(len(frames)) / fps
        self.duration = len(frames) / fps
        self.height, self.width = frames[0].shape[:2]
        self.reads = 0

    def read(self, indices):
        self.reads += 1
        for index in indices:
            yield self.frames[index]


def face_at(x, y, size=100.0, person=0, score=0.9):
    """Make a face as the networks would report it, of one of several persons who look different."""
    look = np.random.default_rng(person).standard_normal(231).astype(np.float32)
    points = np.array([[-0.25, -0.2], [0.25, -0.2], [0.0, 0.1]]) * size + [x, y]
    box = np.array([x - size / 2, y - size / 2, x + size / 2, y + size / 2])
    return Face.of(points, box, score, look / np.linalg.norm(look), opening=0.0, yaw=0.0)
