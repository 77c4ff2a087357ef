"""The formulas behind tests/golden: weights, sound and frames that any machine can make again.

tests/golden/README.md gives the recipes in words; the golden files hold what the official code made of them.
"""

import json
import zlib
from pathlib import Path

import cv2
import numpy as np
import torch
from safetensors.torch import load_file

GOLDEN = Path(__file__).resolve().parents[1] / "golden"


SAMPLING = (1, 4e-3) if int(cv2.__version__.split(".")[0]) >= 5 else (2, 8e-2)
"""Most grey levels by which a warped picture may differ, and in which share of its values.

OpenCV 4 rounds the place of a sample to 1/32 pixel, OpenCV 5 does not.
"""


def golden_json(name):
    return json.loads((GOLDEN / name).read_text())


def golden_tensors(name):
    return load_file(GOLDEN / name)


def recipe(name, shape):
    return np.random.RandomState(zlib.crc32(name.encode())).standard_normal(tuple(shape))


def recipe_input(name, shape):
    return torch.from_numpy(recipe(name, shape).astype(np.float32))


def recipe_parameter(key, shape):
    values = recipe(key, shape)
    if len(shape) >= 2:
        values = values / np.sqrt(np.prod(shape[1:]))
    else:
        values = 1 + 0.2 * values if key.endswith("weight") else 0.1 * values
    return torch.from_numpy(values.astype(np.float32))


def sinusoid(width, length=24):
    """The position buffers `.pe` of the motion modules."""
    angle = torch.arange(length)[:, None] * torch.exp(torch.arange(0, width, 2) * (-np.log(10000.0) / width))
    table = torch.zeros(1, length, width)
    table[0, :, 0::2], table[0, :, 1::2] = torch.sin(angle), torch.cos(angle)
    return table


def recipe_state_dict(shapes):
    """Official keys and shapes -> tensors."""
    return {
        key: sinusoid(shape[-1]) if key.endswith(".pe") else recipe_parameter(key, shape)
        for key, shape in shapes.items()
    }


def wave(n):
    """WAVE(n): int16 samples at 16 kHz."""
    t = np.arange(n) / 16000.0
    tone = 6000 * np.sin(2 * np.pi * (150 * t + 40 * t * t)) * (0.5 + 0.5 * np.sin(2 * np.pi * 2.5 * t))
    tone = tone + 3000 * np.sin(2 * np.pi * 1200 * t) * (np.floor(t * 4) % 2)
    noise, value = np.empty(n, np.int64), 12345
    for i in range(n):
        value = (1103515245 * value + 12345) % 2**31
        noise[i] = (value >> 16) % 801 - 400
    return np.clip(np.round(tone) + noise, -32768, 32767).astype(np.int16)


def frame(height, width, k):
    """FRAME(h, w, k): a uint8 RGB pattern."""
    y, x = np.mgrid[0:height, 0:width].astype(np.int64)

    def triangle(v):
        return np.minimum(np.abs(v % 512 - 256), 255)

    red = triangle(3 * x + 2 * y + 17 * k)
    green = triangle(x * x // 40 + 5 * y + 29 * k)
    blue = triangle(2 * x + y * y // 50 + 11 * k)
    return np.stack([red, green, blue], -1).astype(np.uint8)


def max_difference(a, b):
    """Largest absolute difference of two arrays or tensors."""
    return float(np.abs(np.asarray(a, np.float64) - np.asarray(b, np.float64)).max())


def looks_equal(ours, theirs):
    """Whether 8-bit pictures agree as closely as this OpenCV's sampling allows."""
    difference = np.abs(np.asarray(ours).astype(int) - np.asarray(theirs).astype(int))
    return difference.max() <= SAMPLING[0] and (difference > 0).mean() < SAMPLING[1]
