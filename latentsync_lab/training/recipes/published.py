"""LatentSync's published hyper-parameters (bytedance/LatentSync a229c39, configs/unet and configs/syncnet).

The batch is that of one GPU; upstream's files say 1 and name, in a comment, what its machines used: 24 windows in
stage 1 and 4 in stage 2 at 256 px, 8 and 4 at 512. Steps go on until they are stopped there; here they end.
"""

from __future__ import annotations

from dataclasses import replace

from .parts import FootageRecipe, LoopRecipe, PixelRecipe, SyncNetRecipe, UNetRecipe

_LOOP = LoopRecipe(
    steps=100_000,
    batch=1,
    learning_rate=1e-5,
    seed=1247,
    warmup=1,
    plateau=1.0,
    weight_decay=1e-2,
    betas=(0.9, 0.999),
    clip=1.0,
    ema=0.0,
    save_every=1000,
    precision="fp16",
    checkpointing=True,
)

_NOISE = UNetRecipe(
    loop=_LOOP,
    window=16,
    early=0.0,
    paired=0.0,
    high_noise=0.0,
    sampled=0.0,
    audio_dropout=0.0,
    speech_rate=1.0,
    mouth=0.0,
    outside=1.0,
)

_PIXELS = PixelRecipe(
    loop=_LOOP,
    unet=_NOISE,
    trainable=("motion_modules.", "attentions."),
    mouth=0.0,
    image=0.0,
    perceptual=0.1,
    sync=0.05,
    temporal=10.0,
)

STAGE1 = FootageRecipe(256, _NOISE)
STAGE1_512 = FootageRecipe(512, _NOISE)
STAGE2 = FootageRecipe(256, _PIXELS)
STAGE2_512 = FootageRecipe(512, _PIXELS)
STAGE2_EFFICIENT = FootageRecipe(256, replace(_PIXELS, trainable=("motion_modules.", "attn2."), temporal=0.0))
SYNCNET = FootageRecipe(
    256, SyncNetRecipe(replace(_LOOP, batch=256, seed=42, save_every=500, checkpointing=False), reading=0.0)
)
