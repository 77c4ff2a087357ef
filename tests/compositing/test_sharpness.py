"""A mouth that is the source's own comes back nearly as sharp as it was."""

import cv2
import numpy as np
import pytest
from support.pasting import paste


def detail(image, where):
    """Return the energy of the Laplacian of brightness."""
    light = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return float((cv2.Laplacian(light, cv2.CV_32F)[where] ** 2).mean())


@pytest.mark.parametrize(("resolution", "least"), [(256, 0.75), (512, 0.85)])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_sources_own_mouth_stays_sharp(drawn, seed, resolution, least):
    person = drawn(seed, resolution)
    frame, matrix = person.frames[5], person.matrices[5]
    out, alpha = paste(frame, person.crops[5], matrix, person.size, person.mask)
    painted = alpha > 0.98
    assert least < detail(out, painted) / detail(frame, painted) < 1.1
    assert ((out[painted].astype(float) - frame[painted]) ** 2).mean() < 255**2 / 10**4.5  # 45 dB
