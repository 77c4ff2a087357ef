"""Several windows at once: the same results but for rounding, whatever fits the memory."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from support.runs import FAST, sync
from support.tiny import golden_pipeline_models

from latentsync_core import Options, load_models
from latentsync_core.diffusion import Denoiser, WindowInput, settle_batch
from latentsync_core.diffusion import batch as batch_module
from latentsync_core.errors import DeviceError, OptionError
from latentsync_core.faces import keep_mask

FRAMES = 2
SAME = 1e-5
"""Of latents, which are float32 between the steps; the networks compute in double precision."""


@pytest.fixture(scope="module")
def nano():
    return load_models("nano", resolution=64, device="cpu", dtype="float64")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return golden_pipeline_models(tmp_path_factory.mktemp("tiny"))


def inputs(models, count):
    generator, side = np.random.default_rng(7), models.resolution
    return [
        WindowInput(
            generator.uniform(0, 255, (FRAMES, side, side, 3)).astype(np.float32),
            generator.standard_normal((FRAMES, 30, models.whisper.config.d_model)).astype(np.float32),
        )
        for _ in range(count)
    ]


def denoise(models, options, *windows, batch=1):
    return Denoiser(replace(models, batch=batch), keep_mask(models.resolution), options).denoise(*windows)


@pytest.mark.parametrize("network", ["walk", "plain"])
@pytest.mark.parametrize(
    "options", [Options(steps=2, reuse=1), Options(steps=4, reuse=2, guided=0.5)], ids=["whole", "reused"]
)
def test_windows_at_once_equal_windows_one_by_one(nano, request, network, options):
    if network == "plain":
        request.getfixturevalue("plain_network")
    windows = inputs(nano, 3)
    together = denoise(nano, options, *windows, batch=3)
    alone = torch.cat([denoise(nano, options, window) for window in windows])
    assert together.shape == alone.shape
    assert (together - alone).abs().max() < SAME * alone.std()
    assert (alone[0] - alone[1]).abs().max() > 0.1 * alone.std()  # which three windows of the same would hide


def test_one_window_has_the_same_bits_whatever_the_batch_is(nano):
    (window,) = inputs(nano, 1)
    alone, wide = (denoise(nano, Options(**FAST), window, batch=batch) for batch in (1, 4))
    assert torch.equal(alone, wide)


def test_every_window_and_step_is_counted(tiny):
    def progress_of(batch):
        seen = []
        frames = sync(replace(tiny, batch=batch), 30, progress=lambda *step: seen.append(step))
        return seen, np.stack(frames).astype(int)

    (seen, frames), (expected, alone) = progress_of(3), progress_of(1)
    assert seen == expected and np.abs(frames - alone).max() <= 1


def test_windows_kept_by_a_batch_are_found_one_by_one(tiny, tmp_path):
    frames = sync(replace(tiny, batch=3), 30, work=tmp_path)
    kept, seen = sorted(tmp_path.iterdir()), []
    again = sync(
        replace(tiny, batch=1), 30, work=tmp_path, progress=lambda stage, *step: seen.append((stage, *step))
    )
    assert all(np.array_equal(a, b) for a, b in zip(frames, again, strict=True))
    assert sorted(tmp_path.iterdir()) == kept and seen[-1] == ("resync", 0, 0)


def test_a_batch_with_finished_windows_makes_the_others(tiny, tmp_path):
    frames = sync(replace(tiny, batch=3), 30, work=tmp_path)
    kept = sorted(tmp_path.iterdir())
    kept[1].unlink()
    again = sync(replace(tiny, batch=3), 30, work=tmp_path)
    assert max(np.abs(a.astype(int) - b).max() for a, b in zip(frames, again, strict=True)) <= 1
    assert sorted(tmp_path.iterdir()) == kept


def test_exact_draws_the_same_latents_in_a_batch(tiny):
    options = Options.preset("exact", steps=2)
    one, three = (sync(replace(tiny, batch=batch), 10, options=options) for batch in (1, 3))
    assert max(np.abs(a.astype(int) - b).max() for a, b in zip(one, three, strict=True)) <= 1


@pytest.mark.parametrize("most", [5, 2, 1])
@pytest.mark.usefixtures("plain_network")
def test_a_batch_that_does_not_fit_is_halved(nano, monkeypatch, caplog, most):
    """Three guided windows are six rows; memory for `most` of them."""
    windows, options, rows = inputs(nano, 3), Options(steps=4, reuse=2), []
    expected = denoise(nano, options, *windows, batch=3)
    forward = type(nano.unet).forward

    def tight(self, sample, *args, **kwargs):
        rows.append(len(sample))
        if len(sample) > most:
            raise torch.OutOfMemoryError("simulated")
        return forward(self, sample, *args, **kwargs)

    monkeypatch.setattr(type(nano.unet), "forward", tight)
    made = denoise(nano, options, *windows, batch=3)
    assert (made - expected).abs().max() < SAME * expected.std()
    assert list(dict.fromkeys(rows)) == ([6, 3] if most == 5 else [6, 3, 1])
    assert caplog.text.count("going on with slices") == len(set(rows)) - 1


def test_a_cpu_takes_one_window_unless_told(tiny):
    assert settle_batch(replace(tiny, batch=None), 50).batch == 1
    assert settle_batch(replace(tiny, batch=5), 50).batch == 5
    for wrong in (0, 33):
        with pytest.raises(OptionError, match="batch takes 1..32"):
            replace(tiny, batch=wrong)


@pytest.mark.parametrize(
    ("free", "windows", "batch"), [(5000, 50, 2), (999, 50, 1), (10**6, 50, 8), (10**6, 3, 3), (10**6, 1, 1)]
)
def test_cuda_takes_what_fits_its_free_memory(tiny, monkeypatch, free, windows, batch):
    """Of 1000 bytes a row a guided window takes 2000, and a fifth of the memory stays free."""
    monkeypatch.setattr(batch_module, "measure_row", lambda models: 1000)
    fake_cuda(monkeypatch, mem_get_info=lambda device: (free - 50, 10**9))
    assert settle_batch(replace(tiny, batch=None, device=torch.device("cuda")), windows).batch == batch


def test_a_row_is_measured_by_running_it(tiny, monkeypatch):
    """With the functions of CUDA that say how much memory is in use, on the CPU."""
    rows, reset = [], []
    fake_cuda(
        monkeypatch,
        reset_peak_memory_stats=reset.append,
        max_memory_allocated=lambda device: 100 + 7 * len(rows),
    )
    forward = type(tiny.unet).forward
    monkeypatch.setattr(
        type(tiny.unet), "forward", lambda self, sample, *args, **kwargs: rows.append(sample.shape)
        or forward(self, sample, *args, **kwargs),
    )  # fmt: skip
    assert batch_module.measure_row(tiny) == 7 and len(reset) == 1
    assert rows == [(1, tiny.unet.config["in_channels"], tiny.window_frames, 8, 8)]


def test_no_memory_for_a_row_is_an_error_of_ours(tiny, monkeypatch):
    def full(*args, **kwargs):
        raise torch.OutOfMemoryError("simulated")

    fake_cuda(monkeypatch)
    monkeypatch.setattr(type(tiny.unet), "forward", full)
    with pytest.raises(DeviceError, match="ran out of memory in the UNet"):
        batch_module.measure_row(tiny)


def fake_cuda(monkeypatch, **functions):
    usual = {
        "memory_reserved": lambda device: 150,
        "memory_allocated": lambda device: 100,
        "reset_peak_memory_stats": lambda device: None,
    }
    monkeypatch.setattr(batch_module.torch, "cuda", SimpleNamespace(**usual | functions))
