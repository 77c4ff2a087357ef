import numpy as np
import torch

from latentsync_core.metrics.temporal import temporal_distance
from latentsync_lab.training.recipes import NANO
from latentsync_lab.training.syncnet import UtteranceSample
from latentsync_lab.training.videomae import CONFIG, MaskedClips, _draw_clips, _draw_tubes


def test_the_same_places_are_hidden_in_every_frame():
    hidden = _draw_tubes(np.random.default_rng(0), 3, NANO.videomae.masked)
    assert hidden.shape == (3, 512)
    frames = hidden.unflatten(1, (8, 64))
    assert (frames == frames[:, :1]).all() and (frames[:, 0].sum(1) == 48).all()
    assert not torch.equal(frames[0], frames[1])


def test_a_clip_is_easier_to_predict_than_noise_once_learnt():
    """A network that has only ever seen one moving edge predicts it better than something else."""
    torch.manual_seed(0)
    edge = np.zeros((16, 64, 64, 3), np.uint8)
    for k in range(16):
        edge[k, :, : 4 * k] = 255
    model, clips = (
        MaskedClips(),
        _draw_clips(np.random.default_rng(0), [UtteranceSample(edge, None, None, None)], 2),
    )
    hidden = _draw_tubes(np.random.default_rng(1), 2, 0.75)
    before = model(clips, hidden).item()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    for _ in range(8):
        optimizer.zero_grad()
        model(clips, hidden).backward()
        optimizer.step()
    assert model(clips, hidden).item() < 0.9 * before


def test_encoder_has_the_trained_weights_and_encodes_clips_of_any_size():
    model = MaskedClips()
    encoder = model.encoder(torch.rand(4, 16, 3, 32, 32) * 2 - 1)
    trained = model.network.videomae.state_dict()
    assert all(torch.equal(value, trained[key]) for key, value in encoder.model.state_dict().items())
    true = torch.rand(1, 16, 3, 32, 32) * 2 - 1
    assert temporal_distance(encoder, true, true) == 0 < temporal_distance(encoder, true.flip(1), true)
    assert 2 * sum(p.numel() for p in encoder.parameters()) < 1.5e6, "too large to be bundled"
    assert CONFIG.num_frames == 16


def test_features_are_counted_from_their_mean():
    torch.manual_seed(0)
    clips = torch.rand(6, 16, 3, 64, 64) * torch.rand(6, 1, 1, 1, 1) * 2 - 1
    model = MaskedClips()
    plain, centred = model.encoder(clips), model.encoder(clips)
    torch.nn.init.zeros_(plain.fc_norm.bias)
    away, near = (encoder(clips).mean(0).norm() for encoder in (plain, centred))
    assert away > 0.9 and near < 0.6
