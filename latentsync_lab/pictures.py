"""Small pictures for READMEs."""

import cv2
import numpy as np


def telling_moments(new, old, count):
    """In each of so many stretches of a clip, the frame in which two true mouths, (N,) each, differ most."""
    stretches = np.array_split(np.abs(np.asarray(new) - np.asarray(old)), count)
    starts = np.cumsum([0, *map(len, stretches[:-1])])
    return [int(start + stretch.argmax()) for start, stretch in zip(starts, stretches, strict=True)]


def save_jpeg(path, picture, most_bytes):
    """Write an RGB picture (H, W, 3) uint8 as the best JPEG of at most so many bytes."""
    for quality in range(90, 30, -5):
        data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        if len(data) <= most_bytes:
            break
    path.write_bytes(np.asarray(data).tobytes())
