"""The outputs of the official Whisper and of its slicing."""

import tempfile
import zlib
from pathlib import Path

import numpy as np
import torch
from support.recipes import wave

from . import upstream

DIMS = {
    "n_mels": 80,
    "n_audio_ctx": 1500,
    "n_audio_state": 16,
    "n_audio_head": 2,
    "n_audio_layer": 2,
    "n_vocab": 8,
    "n_text_ctx": 4,
    "n_text_state": 16,
    "n_text_head": 2,
    "n_text_layer": 1,
}
TINY = DIMS | {
    "n_audio_state": 384,
    "n_audio_head": 6,
    "n_audio_layer": 4,
    "n_vocab": 51865,
    "n_text_ctx": 448,
    "n_text_state": 384,
    "n_text_head": 6,
    "n_text_layer": 4,
}
"""Of the published tiny.pt."""
DURATIONS = (0.04, 0.1, 1.0, 2.5, 9.6, 9.99, 10.0, 19.84, 30.0, 30.005, 30.01, 30.05, 45.3, 60.0, 61.23)
RATES = (25, 24, 30, 23.976, 29.97, 50, 60)


def whisper(dims):
    from latentsync.whisper.whisper.model import ModelDimensions, Whisper

    return Whisper(ModelDimensions(**dims))


def audio_encoder(dims, half=False):
    """Load the official encoder with recipe weights from a checkpoint, as published ones are."""
    from latentsync.whisper.audio2feature import Audio2Feature

    model = upstream.fill(whisper(dims), half)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tiny.pt"
        torch.save({"dims": dims, "model_state_dict": model.state_dict()}, path)
        return Audio2Feature(str(path), device="cpu", num_frames=16)


def samples(n):
    return wave(n).astype(np.float32) / 32768.0


def whisper_keys():
    with torch.device("meta"):
        keys = upstream.shapes(whisper(TINY))
    return {"whisper_tiny_openai_keys.json": {"dims": TINY, "keys": keys}}


def statistics(values):
    return [float(values.mean()), float(values.std()), float(values.abs().max())]


def whisper_small():
    from latentsync.whisper.whisper.audio import log_mel_spectrogram

    encoder = audio_encoder(DIMS, half=True)
    described, tensors = {}, upstream.store_weights(encoder.model)
    for name, n in (("2.0s", 32000), ("31.5s", 504333)):
        mel, features = log_mel_spectrogram(samples(n)), encoder.audio2feat(samples(n))
        chunks = encoder.feature2chunks(features, fps=25)
        described[name] = {
            "n_samples": n,
            "mel_shape": list(mel.shape),
            "feat_shape": list(features.shape),
            "mel_stats": statistics(mel),
            "feat_stats": statistics(features),
            "n_chunks_25fps": len(chunks),
        }
        if name == "2.0s":
            tensors |= {"mel.2.0s": mel, "feat.2.0s": features, "chunk.2.0s.i0": chunks[0]}
            tensors |= {"chunk.2.0s.i25": chunks[25], "chunk.2.0s.last": chunks[-1]}
        else:
            tensors |= {
                "mel.31.5s.cols_2990_3010": mel[:, 2990:3010],
                "feat.31.5s.rows_0_8": features[:8],
                "feat.31.5s.rows_1492_1508": features[1492:1508],
                "feat.31.5s.last8": features[-8:],
            }
    described |= {
        "wave_first_16": wave(16).tolist(),
        "wave_crc32_504333_int16le": zlib.crc32(wave(504333).astype("<i2").tobytes()),
        "dims": DIMS,
    }
    return {"whisper_small_dims.json": described, "whisper_small_dims.safetensors": tensors}


def chunk_table():
    from latentsync.whisper.whisper.audio import log_mel_spectrogram

    encoder, table = audio_encoder(DIMS), []
    for duration in DURATIONS:
        n = round(duration * 16000)
        features = encoder.audio2feat(samples(n))
        row = {"duration": duration, "n_samples": n, "mel_frames": log_mel_spectrogram(samples(n)).shape[-1]}
        for fps in RATES:
            count = len(encoder.feature2chunks(features, fps))
            shown = {0, 1, 2, 3, count // 2, count - 3, count - 2, count - 1} & set(range(count))
            index = {str(i): encoder.get_sliced_feature(features, i, fps)[1] for i in sorted(shown)}
            table.append(row | {"features": len(features), "fps": fps, "chunks": count, "index": index})
    return {"chunk_table.json": table}
