"""SyncNet's training: which windows it draws, and that it learns which ones match."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tiny_training import TINY

from latentsync_core.errors import InputError
from latentsync_core.models.syncnet import EncoderConfig, StableSyncNet, sync_loss
from latentsync_lab.training import train
from latentsync_lab.training.stages import RunDirectory
from latentsync_lab.training.syncnet import ReadingSyncNet, _draw, _Window, load_utterances, reading_loss


@pytest.fixture(scope="module")
def utterances(quick, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    train(TINY, folder, "data")
    return load_utterances(RunDirectory(TINY, folder).train)


def test_half_of_the_windows_match_and_the_others_are_well_off(utterances):
    windows = _draw(np.random.default_rng(0), utterances, 400)
    shifts = np.array([w.shift for w in windows])
    assert 0.4 < np.mean(shifts == 0) < 0.6
    assert {abs(shift) for shift in shifts} == {0, *range(2, 16)}
    assert {w.frame for w in windows} == {0, 1, 2}  # of 18 frames
    assert all(w.openness().shape == (16,) for w in windows)


def small_network():
    """For crops of 32 pixels."""
    torch.manual_seed(0)
    visual = EncoderConfig(48, (16, 32, 32, 32, 32), ((1, 2), 2, 2, 2, 2), (False,) * 5, 4)
    return ReadingSyncNet(StableSyncNet(visual, EncoderConfig(1, (16, 32, 32), (4, 4, 5), (False,) * 3, 4)))


@pytest.mark.slow
def test_matching_windows_are_learnt(utterances):
    network, windows = (
        small_network(),
        [_Window(utterance, 1, shift) for utterance in utterances[:3] for shift in (0, 8)],
    )
    optimizer = torch.optim.AdamW(network.parameters(), 2e-3)
    faces = F.interpolate(torch.stack([w.utterance.visual(w.frame) for w in windows]), (16, 32))
    mels = torch.stack([w.utterance.audio(w.frame + w.shift) for w in windows])
    matching = torch.tensor([float(w.shift == 0) for w in windows])
    true = torch.stack([w.openness() for w in windows])
    losses = []
    for _ in range(150):
        visual, audio, *predicted = network(faces, mels)
        sync = sync_loss(visual, audio, matching)
        optimizer.zero_grad()
        (sync + 20 * reading_loss(predicted, true, matching)).backward()
        optimizer.step()
        losses.append(sync.item())
    chance = np.log(2)
    assert losses[-1] < 0.8 * chance < losses[0]


def test_only_audio_that_matches_has_to_predict_the_mouth():
    true, wrong = torch.zeros(2, 16), torch.ones(2, 16)
    first_matches = torch.tensor([1.0, 0.0])
    assert reading_loss([true, true], true, first_matches) == 0
    assert reading_loss([wrong, true], true, first_matches) == 1
    assert reading_loss([true, wrong], true, first_matches) == 0.5


@pytest.mark.parametrize("groups", [0, 3, 32])
def test_groups_that_do_not_divide_the_channels(groups):
    with pytest.raises(InputError, match=rf"groups must divide every one of \(16, 32\), got {groups}"):
        EncoderConfig(1, (16, 32), (2, 2), (False, False), groups)
