"""The outputs of the official networks: UNet, SyncNet, VideoMAE."""

import torch
from support.recipes import recipe_input, wave

from . import upstream

CONFIGS = ("stage1", "stage2", "stage2_512", "stage2_efficient")
TINY2 = {
    "block_out_channels": [32, 32],
    "down_block_types": ["CrossAttnDownBlock3D", "DownBlock3D"],
    "up_block_types": ["UpBlock3D", "CrossAttnUpBlock3D"],
    "layers_per_block": 1,
    "cross_attention_dim": 16,
}
TINY4 = {"block_out_channels": [32, 64, 64, 64]}
NARROW_AUDIO, NARROW_VISUAL = [32, 32, 32, 64, 64, 64, 64], [32, 32, 32, 32, 64, 64, 64, 64]
VIDEOMAE = {"patch_size": 14, "embed_dim": 32, "depth": 2, "num_heads": 4, "mlp_ratio": 48 / 11}


def unet(name, **changes):
    """Make the official UNet of a configuration."""
    from latentsync.models.unet import UNet3DConditionModel

    return UNet3DConditionModel(**upstream.numbers(upstream.config(f"configs/unet/{name}.yaml")) | changes)


def unet_keys():
    with torch.device("meta"):
        full = {name: upstream.shapes(unet(name)) for name in CONFIGS}
    motion = [key for key in full["stage2"] if ".motion_modules." in key]
    down = [key for key in motion if key.startswith("down_blocks")]
    others = {
        "stage1_is_stage2_without_keys_containing": ".motion_modules.",
        "stage2_efficient_is_stage2_without_keys_starting_down_blocks_and_containing": ".motion_modules.",
        "counts": {name: len(keys) for name, keys in full.items()},
        "check": [
            set(full["stage1"]) == set(full["stage2"]) - set(motion),
            set(full["stage2_efficient"]) == set(full["stage2"]) - set(down),
        ],
    }
    return {"unet_keys_stage2.json": full["stage2"], "unet_keys_other_configs.json": others}


def tiny2():
    """Make the two-level UNet that the pipeline case uses too."""
    return upstream.fill(unet("stage2", **TINY2), half=True)


def with_null_audio(audio):
    return torch.cat([torch.zeros_like(audio[:1]), audio[1:]])


def unet_tiny2():
    model = tiny2()
    sample = recipe_input("tiny2.sample", (2, 13, 5, 8, 8))
    audio = with_null_audio(recipe_input("tiny2.audio", (2, 5, 50, 16)))
    single = model(sample[:1, :, :1], torch.tensor(1), encoder_hidden_states=audio[1:, :1]).sample
    outputs = {
        "in.sample": sample,
        "in.audio": audio,
        "out.t501": model(sample, torch.tensor(501), encoder_hidden_states=audio).sample,
        "out.single_frame_t1_audio1": single,
    }
    return {"unet_tiny2.safetensors": upstream.store_weights(model) | outputs}


def unet_tiny4():
    outputs = {}
    for name in ("stage2", "stage2_efficient", "stage1"):
        model = upstream.fill(unet(name, **TINY4))
        for frames in (16, 3):
            sample = recipe_input(f"tiny4.sample.{frames}", (2, 13, frames, 8, 8))
            audio = with_null_audio(recipe_input(f"tiny4.audio.{frames}", (2, frames, 50, 384)))
            predicted = model(sample, torch.tensor(951), encoder_hidden_states=audio).sample
            outputs[f"{name}.f{frames}"] = predicted
        if name == "stage2":
            keys = upstream.shapes(model)
            sample = recipe_input("tiny4.sample.odd", (1, 13, 2, 10, 12))
            audio = recipe_input("tiny4.audio.odd", (1, 2, 50, 384))
            predicted = model(sample, torch.tensor(1), encoder_hidden_states=audio).sample
            outputs["stage2.odd_10x12"] = predicted
    return {"unet_tiny4_keys.json": keys, "unet_tiny4_outputs.safetensors": outputs}


def syncnet():
    from latentsync.models.stable_syncnet import StableSyncNet
    from latentsync.utils.audio import melspectrogram

    published = upstream.config("configs/syncnet/syncnet_16_pixel_attn.yaml")
    narrow = {
        "audio_encoder": published["audio_encoder"] | {"block_out_channels": NARROW_AUDIO},
        "visual_encoder": published["visual_encoder"] | {"block_out_channels": NARROW_VISUAL},
    }
    with torch.device("meta"):
        full_keys = upstream.shapes(StableSyncNet(published))
    model = upstream.fill(StableSyncNet(narrow))
    vision, audio = model.visual_encoder, model.audio_encoder
    visual = vision(recipe_input("syncnet.visual", (1, 48, 128, 256)))
    audible = audio(recipe_input("syncnet.audio", (2, 1, 80, 52)))
    outputs = {
        "vision_embeds": torch.nn.functional.normalize(visual.flatten(1)),
        "audio_embeds": torch.nn.functional.normalize(audible.flatten(1)),
        "mel_1s": torch.from_numpy(melspectrogram(wave(16000) / 32768.0)),
    }
    return {
        "syncnet_16_pixel_attn_keys.json": {"config": published, "keys": full_keys},
        "syncnet_tiny_keys.json": {"config": narrow, "keys": upstream.shapes(model)},
        "syncnet_tiny.safetensors": outputs,
    }


def videomae():
    from functools import partial

    from latentsync.trepa.loss import TREPALoss
    from latentsync.trepa.third_party.VideoMAEv2.videomaev2_finetune import VisionTransformer

    model = VisionTransformer(
        **VIDEOMAE,
        img_size=224,
        all_frames=16,
        tubelet_size=2,
        num_classes=174,
        use_mean_pooling=True,
        qkv_bias=True,
        norm_layer=partial(torch.nn.LayerNorm, eps=1e-6),
    )
    loss = TREPALoss.__new__(TREPALoss)  # its constructor fetches the published weights
    loss.model, features = upstream.fill(model), []
    encode = model.forward_features
    model.forward_features = lambda video: features.append(encode(video)) or features[-1]
    made, true = (
        0.7 * recipe_input(name, (1, 16, 3, 32, 32)).transpose(1, 2) for name in ("trepa.made", "trepa.true")
    )
    outputs = {"trepa": loss(made, true).reshape(1)}
    outputs |= dict(zip(("made", "true"), (torch.nn.functional.normalize(f) for f in features), strict=True))
    keys = {"config": VIDEOMAE, "keys": upstream.shapes(model)}
    return {"videomae_tiny_keys.json": keys, "videomae_tiny.safetensors": outputs}
