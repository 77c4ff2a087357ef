import torch
from transformers import VideoMAEConfig

from latentsync_core.metrics.temporal import measure_changes, mouth_part, temporal_distance
from latentsync_core.models.videomae import ClipEncoder

CONFIG = VideoMAEConfig(
    image_size=16,
    patch_size=8,
    num_frames=4,
    hidden_size=16,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=32,
    use_mean_pooling=True,
)


def encoder():
    torch.manual_seed(0)
    return ClipEncoder(CONFIG).eval()


def test_features_are_unit_vectors_of_any_size():
    features = encoder()(torch.rand(2, 4, 3, 24, 24) * 2 - 1)
    assert features.shape == (2, 16)
    torch.testing.assert_close(features.norm(dim=1), torch.ones(2))


def test_distance_is_zero_for_the_same_clip_and_teaches_pixels():
    network, target = encoder(), torch.rand(1, 4, 3, 16, 16) * 2 - 1
    assert temporal_distance(network, target, target) == 0
    predicted = (target.flip(1) * 0.5).requires_grad_()
    before = temporal_distance(network, predicted, target)
    before.backward()
    assert predicted.grad.abs().min() >= 0 and predicted.grad.abs().sum() > 0
    after = temporal_distance(
        network, (predicted - 1e-2 * predicted.grad / predicted.grad.abs().max()).detach(), target
    )
    assert after < before


def test_changes_are_the_mean_steps():
    assert measure_changes(torch.ones(5, 3, 4, 4)).tolist() == [0] * 4
    assert measure_changes(torch.arange(5.0)[:, None, None, None].expand(-1, 3, 2, 2)).tolist() == [1] * 4


def test_gradient_is_that_of_finite_differences():
    network = encoder().double()
    target, predicted = (0.8 * torch.rand(1, 4, 3, 16, 16, dtype=torch.float64) for _ in range(2))
    predicted.requires_grad_()
    temporal_distance(network, predicted, target).backward()
    for direction in torch.randn(4, *predicted.shape, dtype=torch.float64):
        step = 1e-5 * direction
        ahead, behind = (temporal_distance(network, (predicted + s).detach(), target) for s in (step, -step))
        slope = (ahead - behind) / 2e-5
        torch.testing.assert_close((predicted.grad * direction).sum(), slope.detach(), rtol=1e-4, atol=1e-12)


def test_values_beyond_white_and_black_are_clipped():
    network, clip = encoder(), torch.ones(1, 4, 3, 16, 16)
    torch.testing.assert_close(network(3 * clip), network(clip))


def test_changes_are_those_of_each_step_and_the_mouth_is_low_in_the_middle():
    crops = torch.zeros(3, 3, 100, 100)
    crops[1:] = 1
    assert measure_changes(crops).tolist() == [1, 0]
    rows, columns = torch.meshgrid(torch.arange(100), torch.arange(100), indexing="ij")
    assert (mouth_part(rows)[0, 0], mouth_part(rows)[-1, 0]) == (58, 91)
    assert (mouth_part(columns)[0, 0], mouth_part(columns)[0, -1]) == (25, 74)
