"""Mel, Whisper states and token blocks against what the official code computed."""

import re

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.recipes import golden_json, golden_tensors, max_difference, wave
from transformers import WhisperConfig
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from latentsync_core.data import SpeechTokens
from latentsync_core.errors import MediaError
from latentsync_core.speech import (
    detect_speech,
    encode,
    log_mel,
    measure_extent,
    rows_at,
    tokens_at,
)
from latentsync_core.speech.encode import _split_windows
from latentsync_core.upstream import count_frames

MEL, FEATURES = 2e-5, 3e-5
"""The FFT of another processor moves a quiet mel bin by up to 5e-6; within one processor it is 1e-7."""

KEY_MAP = [
    (r"^encoder\.", ""),
    (r"^blocks\.", "layers."),
    (r"^positional_embedding$", "embed_positions.weight"),
    (r"\.attn\.(q|k|v)[a-z]*\.", r".self_attn.\1_proj."),
    (r"\.attn\.out\.", ".self_attn.out_proj."),
    (r"\.attn_ln\.", ".self_attn_layer_norm."),
    (r"\.mlp\.0\.", ".fc1."),
    (r"\.mlp\.2\.", ".fc2."),
    (r"\.mlp_ln\.", ".final_layer_norm."),
    (r"^ln_post\.", "layer_norm."),
]


def rename(key):
    for pattern, replacement in KEY_MAP:
        key = re.sub(pattern, replacement, key)
    return key


@pytest.fixture(scope="module")
def golden():
    return golden_tensors("whisper_small_dims.safetensors")


@pytest.fixture(scope="module")
def whisper(golden):
    encoder = WhisperEncoder(
        WhisperConfig(
            d_model=16,
            encoder_layers=2,
            encoder_attention_heads=2,
            encoder_ffn_dim=64,
            max_source_positions=1500,
        )
    ).eval()
    weights = {k[3:]: v.float() for k, v in golden.items() if k.startswith("sd.encoder.")}
    encoder.load_state_dict({rename(key): value for key, value in weights.items()}, strict=True)
    encoder.layer_norm = torch.nn.Identity()
    return encoder


def samples(n):
    return wave(n).astype(np.float32) / 32768


def test_mel_and_features_of_two_seconds(whisper, golden):
    assert max_difference(log_mel(samples(32000)), golden["mel.2.0s"]) < MEL
    speech = encode(whisper, samples(32000))
    assert max_difference(speech.rows, golden["feat.2.0s"]) < FEATURES
    last = golden_json("whisper_small_dims.json")["2.0s"]["n_chunks_25fps"] - 1
    blocks = tokens_at(speech, np.array([0, 1.0, last / 25]))
    for name, block in zip(("chunk0", "chunk25", "last"), blocks, strict=True):
        (key,) = [
            k for k in golden if "chunk" in k and "2.0s" in k and k.endswith(name.removeprefix("chunk"))
        ]
        assert max_difference(block, golden[key]) < FEATURES


def test_upstream_seam_at_thirty_seconds(whisper, golden):
    speech = encode(whisper, samples(504333), seams=True)
    assert max_difference(log_mel(samples(504333))[:, 2990:3010], golden["mel.31.5s.cols_2990_3010"]) < MEL
    for name, rows in (
        ("rows_0_8", slice(8)),
        ("rows_1492_1508", slice(1492, 1508)),
        ("last8", slice(-8, None)),
    ):
        assert max_difference(speech.rows[rows], golden[f"feat.31.5s.{name}"]) < FEATURES


def test_overlapping_windows_hear_across_the_seam(whisper):
    """Around 30 s the overlapped rows are those of a window that covers both sides; far from it, upstream's."""
    cut, smooth = (encode(whisper, samples(504333), seams=s).rows for s in (True, False))
    assert cut.shape == smooth.shape
    assert max_difference(cut[:1000], smooth[:1000]) == 0
    seam_cut, seam_smooth = (np.abs(np.diff(rows[1490:1511, -1], axis=0)).max() for rows in (cut, smooth))
    assert seam_smooth < seam_cut


def steps_of(rows):
    return np.linalg.norm(np.diff(rows.reshape(len(rows), -1), axis=0), axis=1)


@pytest.mark.parametrize("at", [25, 30, 45, 60])
def test_tokens_step_no_further_where_windows_change(whisper, at):
    """25 and 45 s are where ours change, 30 and 60 s where upstream's do."""
    count = 65 * 16000
    noise = np.random.default_rng(0).standard_normal(count).astype(np.float32) / 10
    step = steps_of(encode(whisper, noise).rows)
    touching = steps_of(encode(whisper, noise, seams=True).rows)
    assert step[at * 50 - 26 : at * 50 + 25].max() <= np.percentile(step, 99.9)
    assert step[at * 50 - 1] <= np.median(step) * 1.2
    if at % 30 == 0:
        assert touching[at * 50 - 1] > 2 * np.median(touching)


def test_the_last_layer_norm_would_be_noticed(golden):
    assert golden["feat.2.0s"].shape == (100, 3, 16)  # conv + 2 blocks: no state after ln_post


@given(rows=st.integers(1, 5000), size=st.integers(20, 1500), context=st.integers(0, 9))
def test_windows_cover_every_row_once(rows, size, context):
    windows = _split_windows(rows, size, context)
    kept = [row for _, first, last in windows for row in range(first, last)]
    assert kept == list(range(rows))
    for start, first, last in windows:
        assert start <= first < last <= start + size
        assert first - start >= context or first == 0
        assert start + size - last >= context or last == rows


def test_chunk_table():
    for case in golden_json("chunk_table.json"):
        if case["chunks"] is None:
            continue
        rows, fps = case["features"], case["fps"]
        assert count_frames(rows, fps) == case["chunks"]
        for frame, expected in case["index"].items():
            assert rows_at(np.array([int(frame) / fps]), rows)[0].tolist() == expected


def test_too_short_speech_says_how_short():
    with pytest.raises(MediaError, match=r"19\.9 ms long; at least 20 ms"):
        log_mel(samples(319))


def test_token_blocks_are_time_major():
    rows = np.arange(20 * 3 * 2, dtype=np.float32).reshape(20, 3, 2)
    (block,) = tokens_at(SpeechTokens(rows), np.array([0.2]))
    assert np.array_equal(block, rows[6:16].reshape(30, 2))


def test_speaking_finds_the_pause():
    audio = samples(48000).copy()
    audio[16000:32000] = 0
    active = detect_speech(audio, np.arange(0, 4, 0.04))
    assert active[2:24].all() and active[52:74].all()
    assert not active[31:44].any() and not active[75:].any()


def test_short_pauses_belong_to_the_speech():
    audio = samples(48000).copy()
    audio[16000:20000] = 0  # 0.25 s, a stop and a breath
    assert detect_speech(audio, np.arange(0, 3, 0.04)).all()


@pytest.mark.parametrize("gain", [0.01, 1.0])
def test_speaking_does_not_depend_on_gain(gain):
    audio = samples(48000).copy()
    audio[16000:32000] = 0
    assert detect_speech(audio * np.float32(gain), np.array([0.5, 1.5])).tolist() == [True, False]


def test_silence_and_no_sound_are_not_speech():
    assert not detect_speech(np.zeros(16000, np.float32), np.arange(0, 1, 0.04)).any()
    assert not detect_speech(np.zeros(3, np.float32), np.array([0.0])).any()


def test_hiss_is_a_pause_however_little_is_said():
    hiss = np.random.default_rng(0).standard_normal(160_000).astype(np.float32) * np.float32(10 ** (-58 / 20))
    hiss[64_000:80_000] += np.sin(np.arange(16_000) / 4).astype(np.float32) / 2
    assert detect_speech(hiss, np.array([1.0, 4.5, 8.0])).tolist() == [False, True, False]


def test_the_last_sound_is_found_to_a_hundredth_of_a_second():
    audio = samples(48000).copy()
    assert measure_extent(audio) == 3.0 and measure_extent(audio[:-1]) == 3.0
    audio[16000:] = 0
    assert 0.9 < measure_extent(audio) <= 1.0
    audio[32000:32160] = 0.5
    assert measure_extent(audio) == 2.01
    assert measure_extent(np.zeros(16000, np.float32)) == measure_extent(np.zeros(3, np.float32)) == 0.0
