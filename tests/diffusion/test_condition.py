"""Each frame is encoded once, although windows share it, and the latents are those of encoding all anew."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.tiny import golden_pipeline_models

from latentsync_core.diffusion.condition import ConditionEncoder
from latentsync_core.diffusion.latents import LatentCodec
from latentsync_core.faces import keep_mask

SIDE = 64


@pytest.fixture(scope="module")
def codec(tmp_path_factory):
    return LatentCodec(golden_pipeline_models(tmp_path_factory.mktemp("tiny")).vae)


def encoder_of(codec, counts=None, sampled_by=None):
    """An encoder whose calls of the VAE are counted in frames."""
    encode = codec.encode

    class Counted:
        def encode(self, pixels, generator=None):
            counts.append(len(pixels))
            return encode(pixels, generator)

    keep = torch.from_numpy(keep_mask(SIDE))
    size = (SIDE // 2 ** (len(codec._vae.config["block_out_channels"]) - 1),) * 2
    return ConditionEncoder(codec if counts is None else Counted(), keep, size, sampled_by)


def crops_of(numbers):
    return np.stack([np.random.default_rng(n).uniform(0, 255, (SIDE, SIDE, 3)) for n in numbers]).astype(
        np.float32
    )


@settings(deadline=None, max_examples=15)
@given(windows=st.lists(st.lists(st.integers(0, 6), min_size=1, max_size=5), min_size=1, max_size=3))
def test_the_latents_are_those_of_encoding_anew(codec, windows):
    once = encoder_of(codec)
    with torch.inference_mode():
        for numbers in windows:
            crops = crops_of(numbers)
            again = encoder_of(codec).encode(crops)
            found = once.encode(crops, np.array(numbers))
            assert torch.equal(found, again)


def test_only_new_frames_are_encoded_and_only_a_window_is_held(codec):
    counts = []
    encoder = encoder_of(codec, counts)
    with torch.inference_mode():
        for numbers in ([0, 1, 2, 3], [2, 3, 4, 5], [5, 5, 4, 4], [0, 5]):
            encoder.encode(crops_of(numbers), np.array(numbers))
    assert counts == [2] * 7  # six frames, and 0 once more


def test_what_is_drawn_is_drawn_anew(codec):
    counts, numbers = [], np.array([7, 8])
    encoder = encoder_of(codec, counts, torch.Generator().manual_seed(0))
    with torch.inference_mode():
        first, second = (encoder.encode(crops_of(numbers), numbers) for _ in range(2))
    assert counts == [2] * 4 and not torch.equal(first, second)
