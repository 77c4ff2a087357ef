"""What the autoencoder is shown."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import torch
from tiny_training import TINY

from latentsync_core.faces import keep_mask
from latentsync_lab.training.vae import _draw_batch, to_pixels

SIZE = 32
KEEP = torch.from_numpy(keep_mask(SIZE))


def shown(colour, steps=20, **changes):
    """Images of `steps` batches from one clip of one colour."""
    clip = np.full((3, SIZE, SIZE, 3), colour, np.uint8)
    recipe = replace(TINY.vae, **{"hue": 0.0, "masked": 0.0} | changes)
    batches = (SimpleNamespace(rng=lambda k=k: np.random.default_rng(k)) for k in range(steps))
    return torch.cat([_draw_batch(run, recipe, [clip], KEEP) for run in batches])


def test_images_keep_their_colour_without_other_hues():
    expected = to_pixels(np.full((1, SIZE, SIZE, 3), (200, 120, 90), np.uint8))
    assert (shown((200, 120, 90)) == expected).all()


def test_hues_turn_all_the_way_round_and_keep_light_and_saturation():
    seen = shown((200, 100, 100), hue=1.0)[:, :, 0, 0]
    assert {int(k) for k in seen.argmax(1)} == {0, 1, 2}
    lightest, darkest = seen.amax(1), seen.amin(1)
    assert (lightest - (200 / 127.5 - 1)).abs().max() < 0.02
    assert (darkest - (100 / 127.5 - 1)).abs().max() < 0.02


def test_the_recipe_turns_some_and_not_all():
    seen = shown((200, 100, 100), hue=TINY.vae.hue)[:, :, 0, 0]
    plain = to_pixels(np.full((1, 1, 1, 3), (200, 100, 100), np.uint8))[0, :, 0, 0]
    turned = (seen - plain).abs().amax(1) > 0.05
    assert 0.2 < turned.float().mean() < 0.8


def test_a_blank_mouth_stays_blank_in_every_hue():
    seen = shown((200, 100, 100), hue=1.0, masked=1.0)
    assert (seen[..., KEEP == 0] == 0).all() and (seen[..., KEEP == 1] != 0).any()
