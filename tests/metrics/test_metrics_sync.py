import numpy as np
import pytest
import torch
from support.recipes import golden_json, golden_tensors, recipe_input, recipe_parameter, wave
from torch import nn

from latentsync_core.errors import InputError
from latentsync_core.metrics.sync import (
    MEL_LENGTH,
    compare,
    embed_audio,
    embed_mouths,
    face_window,
    mel_window,
    sync_curve,
    sync_mel,
)
from latentsync_core.models.syncnet import AUDIO, VISUAL, EncoderConfig, StableSyncNet, convert_syncnet_keys


def config(values):
    factors = tuple(tuple(f) if isinstance(f, list) else f for f in values["downsample_factors"])
    attention = tuple(map(bool, values["attn_blocks"]))
    return EncoderConfig(values["in_channels"], tuple(values["block_out_channels"]), factors, attention)


def narrow():
    """The golden network: the published geometry, with few channels."""
    described = golden_json("syncnet_tiny_keys.json")
    net = StableSyncNet(*(config(described["config"][f"{name}_encoder"]) for name in ("visual", "audio")))
    keys = described["keys"]
    net.load_state_dict(
        convert_syncnet_keys({key: recipe_parameter(key, shape) for key, shape in keys.items()})
    )
    return net.eval()


@torch.inference_mode()
def test_narrow_network_equals_the_official_one():
    golden = golden_tensors("syncnet_tiny.safetensors")
    seen, embedded = narrow()(
        recipe_input("syncnet.visual", (1, 48, 128, 256)), recipe_input("syncnet.audio", (2, 1, 80, 52))
    )
    torch.testing.assert_close(seen, golden["vision_embeds"], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(embedded, golden["audio_embeds"], atol=1e-5, rtol=1e-4)


def test_crops_and_sound_reach_the_network_as_the_official_code_brings_them():
    """The golden image as the lower halves of 16 crops, and the golden mel as their audio."""
    golden, net = golden_tensors("syncnet_tiny.safetensors"), narrow()
    crops = torch.full((16, 3, 256, 256), 9.0)
    crops[:, :, 128:] = recipe_input("syncnet.visual", (1, 48, 128, 256))[0].unflatten(0, (16, 3))
    seen = embed_mouths(net, [face_window(crops, 0)])
    torch.testing.assert_close(seen, golden["vision_embeds"], atol=1e-5, rtol=1e-4)
    embedded = embed_audio(net, wave(16_000).astype(np.float32) / 32768, 24)
    mel = golden["mel_1s"].float()
    assert embedded.shape == (9, 64)
    for frame in (0, 1, 8):
        part = mel[None, None, :, int(80 * frame / 25) :][..., :MEL_LENGTH]  # as upstream's crop_audio_window
        with torch.inference_mode():
            torch.testing.assert_close(
                embedded[frame], net.audio_encoder(part)[0] / net.audio_encoder(part).norm()
            )
    curve = compare(seen, np.array([4]), embedded, 4)
    assert curve.cosines.tolist() == pytest.approx(
        [float(seen[0] @ embedded[4 - k]) for k in range(-4, 5)], abs=1e-6
    )


def test_full_network_has_the_published_keys_and_shapes():
    described = golden_json("syncnet_16_pixel_attn_keys.json")
    keys = described["keys"]
    assert (VISUAL, AUDIO) == tuple(config(described["config"][f"{n}_encoder"]) for n in ("visual", "audio"))
    with torch.device("meta"):
        ours = {key: list(value.shape) for key, value in StableSyncNet().state_dict().items()}
    assert convert_syncnet_keys(keys) == ours


def test_mel_equals_the_official_one():
    golden = golden_tensors("syncnet_tiny.safetensors")
    mel = sync_mel(wave(16_000).astype(np.float32) / 32768)
    torch.testing.assert_close(mel.double(), golden["mel_1s"].double(), atol=1e-5, rtol=0)


def test_windows_cover_the_same_time():
    mel = torch.arange(400.0).expand(80, -1)
    assert mel_window(mel, 25).shape == (1, 80, MEL_LENGTH)
    assert mel_window(mel, 25)[0, 0, 0] == 80
    assert mel_window(mel, 120)[0, 0, -1] == 399
    assert face_window(torch.zeros(20, 3, 64, 64), 2).shape == (48, 32, 64)


class Loudness(nn.Module):
    """Stands for a trained network: an image is as bright as its audio is loud."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    @staticmethod
    def visual_encoder(faces):
        return faces.unflatten(1, (16, 3)).mean((2, 3, 4))

    @staticmethod
    def audio_encoder(mels):
        louder = mels.mean((1, 2))
        return nn.functional.interpolate(louder[:, None], 16)[:, 0] - louder.mean()


@pytest.mark.parametrize("shift", [-10, -3, 0, 5, 10])
def test_curve_finds_a_shift(shift):
    rng = np.random.default_rng(0)
    loud = np.convolve(rng.random(120), np.ones(3) / 3, "same")
    audio = np.repeat(loud, 640) * rng.standard_normal(120 * 640)
    level = sync_mel(audio.astype(np.float32)).mean(0)
    bright = torch.stack([level[int(3.2 * k) : int(3.2 * k) + 3].mean() for k in range(118)])
    crops = (bright - bright.mean())[:, None, None, None].expand(-1, 3, 8, 8)
    late = np.roll(audio, -640 * shift).astype(np.float32)  # must be moved to later by `shift`
    curve = sync_curve(Loudness(), crops, late)
    assert abs(curve.offset - shift) <= 1
    assert curve.confidence > 0.1


def test_too_short_a_clip_is_refused():
    with pytest.raises(InputError, match="at least 46 frames, got 20"):
        sync_curve(Loudness(), torch.zeros(20, 3, 8, 8), np.zeros(16_000, np.float32))
