"""The denoiser walked in one memory layout, without work that cannot change the result.

The same modules and weights as `LatentSyncUNet.forward`, for CPUs: activations stay (frames, height, width, channels),
in which norms, linear layers and convolutions all read neighbouring memory, so that nothing is transposed or copied.
What it saves besides, without changing the result:

* the unconditional row has tokens of zeros, which these cross-attentions, without bias, answer with their output bias;
* both rows of a window are one up to the first cross-attention;
* a convolution after doubling the size reads each pixel several times: four of 2 x 2, one for each phase, read it once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .unet import LatentSyncUNet, NoMotion

Phases = Mapping[nn.Module, Mapping[tuple[int, int], Tensor]]

FEED_FORWARD_ROWS = 8192
"""Rows of a feed-forward layer that are computed together: what lies between its two linears takes little memory."""
WIDE_CHANNELS = 1024
"""Convolutions of so many channels or more work on small images, where oneDNN is faster with channels first."""


class UNetWalk:
    """Predicts noise as a `LatentSyncUNet` does, whose modules and weights it uses."""

    def __init__(self, unet: LatentSyncUNet) -> None:
        self._unet = unet
        self._phases: Phases = {
            block.upsamplers[0]: _split_phases(block.upsamplers[0].conv.weight)
            for block in unet.up_blocks
            if block.upsamplers is not None
        }

    def predict(self, sample: Tensor, timestep: Tensor, tokens: Tensor) -> Tensor:
        """Predict the noise in each row of a sample by its tokens: (rows, C, F, h, w).

        sample: (rows, in_channels, F, h, w); where it is one that was expanded, what all rows share is done once.
        tokens: (rows, F, tokens, width), of which leading rows may be zeros (unconditional).
        """
        return self.predict_deep(sample, timestep, tokens)[0]

    def predict_deep(self, sample: Tensor, timestep: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Predict the noise as `predict` does; return it and the input of `predict_shallow`, (rows, F, h, w, C)."""
        return _Pass(self._unet, self._phases, tokens).run(sample, timestep)

    def predict_shallow(self, sample: Tensor, timestep: Tensor, tokens: Tensor, deep: Tensor) -> Tensor:
        """Predict the noise by the last layer alone, fed with the deep features of an earlier step (DeepCache)."""
        return _Pass(self._unet, self._phases, tokens).run_last(sample, timestep, deep)


class _Pass:
    """One pass through the network, for all rows of tokens."""

    def __init__(self, unet: LatentSyncUNet, phases: Phases, tokens: Tensor) -> None:
        self._unet, self._phases = unet, phases
        self._rows, self._frames = tokens.shape[:2]
        conditioned = [bool(row.any()) for row in tokens]
        self._unconditional = conditioned.index(True) if any(conditioned) else self._rows
        self._speech = tokens[self._unconditional :].flatten(0, 1)

    def run(self, sample: Tensor, timestep: Tensor) -> tuple[Tensor, Tensor]:
        unet, time = self._unet, self._embed(sample, timestep)
        x = self._open(sample)
        skips = [x]
        for block in unet.down_blocks:
            for i in range(len(block.resnets)):
                x = self._layer(block, i, x, time)
                skips.append(x)
            for downsampler in block.downsamplers or ():
                x = _convolve(downsampler.conv, x)
                skips.append(x)
        x = self._resnet(unet.mid_block.resnets[0], x, time)
        for attention, resnet in zip(unet.mid_block.attentions, unet.mid_block.resnets[1:], strict=True):
            x = self._resnet(resnet, self._spatial(attention, x), time)
        deep = x
        for block in unet.up_blocks:
            for i in range(len(block.resnets)):
                deep = x  # that of the last round is what DeepCache keeps
                x = self._layer(block, i, torch.cat([x, self._widen(skips.pop())], -1), time)
            for upsampler in block.upsamplers or ():
                x = self._upsample(upsampler, x)
        return self._close(x), deep.unflatten(0, (self._rows, self._frames))

    def run_last(self, sample: Tensor, timestep: Tensor, deep: Tensor) -> Tensor:
        block, time = self._unet.up_blocks[-1], self._embed(sample, timestep)
        x = torch.cat([deep.flatten(0, 1), self._widen(self._open(sample))], -1)
        return self._close(self._layer(block, len(block.resnets) - 1, x, time))

    def _open(self, sample: Tensor) -> Tensor:
        distinct = sample[:1] if sample.stride(0) == 0 else sample
        frames = distinct.transpose(1, 2).flatten(0, 1).contiguous(memory_format=torch.channels_last)
        return _convolve(self._unet.conv_in, frames.permute(0, 2, 3, 1))

    def _close(self, x: Tensor) -> Tensor:
        x = F.silu(_normalize(self._unet.conv_norm_out, x, self._frames), inplace=True)
        noise = _convolve(self._unet.conv_out, x).permute(0, 3, 1, 2)
        return noise.unflatten(0, (-1, self._frames)).transpose(1, 2)

    def _embed(self, sample: Tensor, timestep: Tensor) -> Tensor:
        projected = self._unet.time_proj(timestep.reshape(1)).to(sample.dtype)
        return F.silu(self._unet.time_embedding(projected))

    def _widen(self, x: Tensor) -> Tensor:
        """Repeat what is still one row for all of them."""
        missing = self._rows * self._frames // len(x)
        return x if missing == 1 else x.repeat(missing, 1, 1, 1)

    def _layer(self, block: Any, index: int, x: Tensor, time: Tensor) -> Tensor:
        x = self._resnet(block.resnets[index], x, time)
        if hasattr(block, "attentions"):
            x = self._spatial(block.attentions[index], x)
        return self._temporal(block.motion_modules[index], x)

    def _resnet(self, block: Any, x: Tensor, time: Tensor) -> Tensor:
        # There is one timestep for all rows, so its shift of each channel is a bias.
        bias = block.conv1.bias + block.time_emb_proj(time)[0]
        h = F.silu(_normalize(block.norm1, x, self._frames), inplace=True)
        h = F.silu(_normalize(block.norm2, _convolve(block.conv1, h, bias), self._frames), inplace=True)
        h = _convolve(block.conv2, h)
        return h.add_(x if block.conv_shortcut is None else _project(block.conv_shortcut, x))

    def _spatial(self, module: Any, x: Tensor) -> Tensor:
        h = _project(module.proj_in, _normalize(module.norm, x, 1))
        for block in module.transformer_blocks:
            tokens = h.flatten(1, 2)
            tokens += _attend(block.attn1, block.norm1(tokens))
            h = self._widen(h)
            self._cross_attend(block, h.flatten(1, 2))
            _feed_forward(block, h)
        return _project(module.proj_out, h).add_(self._widen(x))

    def _cross_attend(self, block: Any, h: Tensor) -> None:
        first = self._unconditional * self._frames
        h[:first] += block.attn2.to_out[0].bias
        if first < len(h):
            conditioned = h[first:]
            conditioned += _attend(block.attn2, block.norm2(conditioned), self._speech)

    def _temporal(self, module: Any, x: Tensor) -> Tensor:
        if isinstance(module, NoMotion):
            return x
        h = _project(module.proj_in, _normalize(module.norm, x, 1))
        for block in module.transformer_blocks:
            position = block.pos_embed.pe[0, : self._frames, None]
            rows = h.view(-1, self._frames, h.shape[1] * h.shape[2], h.shape[3])
            for attention, norm in ((block.attn1, block.norm1), (block.attn2, block.norm2)):
                for row in rows:  # (F, pixels, C): in rows of their own the views below need no copy
                    row += _attend_in_time(attention, norm(row).add_(position))
            _feed_forward(block, h)
        return _project(module.proj_out, h).add_(x)

    def _upsample(self, upsampler: Any, x: Tensor) -> Tensor:
        n, height, width, _ = x.shape
        bias = upsampler.conv.bias
        doubled = x.new_empty((n, height, 2, width, 2, len(bias)))
        for (row, column), weight in self._phases[upsampler].items():
            full = F.conv2d(x.permute(0, 3, 1, 2), weight, bias, padding=1).permute(0, 2, 3, 1)
            doubled[:, :, row, :, column] = full[:, row : row + height, column : column + width]
        return doubled.view(n, 2 * height, 2 * width, -1)


def _normalize(norm: nn.GroupNorm, x: Tensor, frames: int) -> Tensor:
    """Normalise (N, h, w, C) over so many neighbouring frames together."""
    n, height, width, channels = x.shape
    together = x.reshape(n // frames, frames * height, width, channels).permute(0, 3, 1, 2)
    out = F.group_norm(together, norm.num_groups, norm.weight, norm.bias, norm.eps)
    return out.permute(0, 2, 3, 1).reshape(x.shape)


def _convolve(conv: nn.Conv2d, x: Tensor, bias: Tensor | None = None) -> Tensor:
    frames = x.permute(0, 3, 1, 2)
    if conv.in_channels >= WIDE_CHANNELS:
        frames = frames.contiguous()
    out = F.conv2d(frames, conv.weight, conv.bias if bias is None else bias, conv.stride, conv.padding)
    return out.permute(0, 2, 3, 1).contiguous()


def _project(layer: Any, x: Tensor) -> Tensor:
    """Apply a linear layer, or a convolution of 1 x 1, to the channels of (..., C)."""
    weight = layer.weight.flatten(1)
    if x.dtype != torch.float32 or not torch.backends.mkldnn.is_available():
        return F.linear(x, weight, layer.bias)
    # As a convolution, and so by oneDNN: the matrix product of MKL, which torch has for linear layers, does not use
    # AVX-512 on AMD's processors, where this is twice as fast.
    rows = x.reshape(1, -1, 1, x.shape[-1]).permute(0, 3, 1, 2)
    out = torch.mkldnn_convolution(rows, weight[..., None, None], layer.bias, (0, 0), (1, 1), (1, 1), 1)
    return out.permute(0, 2, 3, 1).reshape(*x.shape[:-1], -1)


def _heads(attention: Any, x: Tensor) -> Tensor:
    return x.unflatten(-1, (attention.heads, -1)).transpose(1, 2)


def _attend(attention: Any, x: Tensor, speech: Tensor | None = None) -> Tensor:
    """Attend (N, pixels, C) to itself, or to the speech (N, tokens, width)."""
    source = x if speech is None else speech
    keys, values = (_heads(attention, _project(layer, source)) for layer in (attention.to_k, attention.to_v))
    out = F.scaled_dot_product_attention(_heads(attention, _project(attention.to_q, x)), keys, values)
    return _project(attention.to_out[0], out.transpose(1, 2).flatten(2))


def _attend_in_time(attention: Any, x: Tensor) -> Tensor:
    """Attend (F, pixels, C) over the frames, each pixel for itself."""
    layers = (attention.to_q, attention.to_k, attention.to_v)
    split = (_project(layer, x).unflatten(-1, (attention.heads, -1)).permute(1, 2, 0, 3) for layer in layers)
    out = F.scaled_dot_product_attention(*split)  # (pixels, heads, F, width)
    return _project(attention.to_out[0], out.permute(2, 0, 1, 3).flatten(2))


def _feed_forward(block: Any, h: Tensor) -> None:
    """Add the feed-forward layer (GEGLU) of a block to (..., C), in place."""
    gated, out = block.ff.net[0].proj, block.ff.net[2]
    for rows in h.view(-1, h.shape[-1]).split(FEED_FORWARD_ROWS):
        value, gate = _project(gated, block.norm3(rows)).chunk(2, -1)
        rows += _project(out, value * F.gelu(gate))


def _split_phases(weight: Tensor) -> dict[tuple[int, int], Tensor]:
    """Sum the taps of (O, I, 3, 3) that fall on one pixel before the size was doubled, for each of four phases."""
    rows = {
        0: (weight[:, :, :1], weight[:, :, 1:].sum(2, keepdim=True)),
        1: (weight[:, :, :2].sum(2, keepdim=True), weight[:, :, 2:]),
    }
    phases = {}
    for row, parts in rows.items():
        tall = torch.cat(parts, 2)  # (O, I, 2, 3)
        phases[row, 0] = torch.cat([tall[..., :1], tall[..., 1:].sum(3, keepdim=True)], 3)
        phases[row, 1] = torch.cat([tall[..., :2].sum(3, keepdim=True), tall[..., 2:]], 3)
    return {key: part.contiguous(memory_format=torch.channels_last) for key, part in phases.items()}
