"""Short memory, whoever reports it, and how little of it a long silence takes."""

import numpy as np
import pytest
import torch
from support.runs import FAST, clip_of, speech_of, sync, track_of
from support.tiny import golden_pipeline_models

from latentsync_core import Options, lip_sync
from latentsync_core.cli import main
from latentsync_core.errors import DeviceError
from latentsync_core.media import TensorClip, video

SHORT = {
    "cuda": torch.OutOfMemoryError("simulated"),
    "cpu": RuntimeError(
        "[enforce fail at alloc_cpu.cpp:121] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to "
        "allocate 1099511627776 bytes. Error code 12 (Cannot allocate memory)"
    ),
    "mps": RuntimeError("MPS backend out of memory (MPS allocated: 17.82 GB, other allocations: 1.00 MB)"),
    "numpy": MemoryError("Unable to allocate 8.05 TiB for an array"),
}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return golden_pipeline_models(tmp_path_factory.mktemp("tiny"))


def failing(function, fails, error):
    def call(*args, **kwargs):
        if fails(args[0]):
            raise error
        return function(*args, **kwargs)

    return call


@pytest.mark.parametrize("kind", SHORT)
@pytest.mark.usefixtures("plain_network")
def test_short_memory_halves_the_work_whoever_reports_it(models, monkeypatch, kind):
    options = Options(steps=2, guidance=1.5)
    whole = sync(models, 4, options=options)
    for network, name, most in ((models.unet, "forward", 1), (models.vae, "decode", 2)):
        function = getattr(network, name)
        monkeypatch.setattr(network, name, failing(function, lambda b, most=most: len(b) > most, SHORT[kind]))
    halves = sync(models, 4, options=options)
    assert max(np.abs(a.astype(int) - b).max() for a, b in zip(whole, halves, strict=True)) <= 1


@pytest.mark.parametrize("kind", SHORT)
@pytest.mark.parametrize("part", ["unet", "whisper"])
@pytest.mark.usefixtures("plain_network")
def test_no_memory_at_all_is_an_error_of_ours(models, monkeypatch, kind, part):
    monkeypatch.setattr(getattr(models, part), "forward", failing(None, lambda batch: True, SHORT[kind]))
    with pytest.raises(DeviceError, match="ran out of memory"):
        sync(models, 4)


@pytest.mark.usefixtures("plain_network")
def test_other_errors_of_the_networks_are_not_taken_for_short_memory(models, monkeypatch):
    broken = RuntimeError("mat1 and mat2 shapes cannot be multiplied")
    monkeypatch.setattr(models.unet, "forward", failing(None, lambda batch: True, broken))
    with pytest.raises(RuntimeError, match="mat1"):
        sync(models, 4)


@pytest.mark.usefixtures("plain_network")
def test_the_real_error_of_the_cpu_is_known(models, monkeypatch):
    def greedy(*_, **__):
        torch.empty(2**50)

    monkeypatch.setattr(models.unet, "forward", greedy)
    with pytest.raises(DeviceError, match="ran out of memory in the UNet"):
        sync(models, 4)


@pytest.mark.parametrize("kind", ["cpu", "numpy"])
def test_the_command_line_says_it_in_a_sentence(tmp_path, monkeypatch, capsys, kind):
    def short(*_, **__):
        raise SHORT[kind]

    monkeypatch.setattr(video.FileClip, "__init__", short)
    assert main(["plan", "a.mp4", "b.wav"]) == 1
    assert capsys.readouterr().err.startswith("error: The memory is not enough")


class SlideShow(TensorClip):
    """Two frames in two hours."""

    def __init__(self):
        still = next(clip_of(1).read([0]))
        super().__init__(np.stack([still, still]), 25)
        self.times, self.duration = np.array([0.0, 3600.0]), 7200.0


def test_two_hours_of_silence_are_not_listened_to(models):
    totals = []

    def progress(stage, done, total):
        if stage == "listen":
            totals.append(total)

    options = Options(length="silence", **FAST)
    frames = list(lip_sync(SlideShow(), speech_of(1.0), models, options, track_of(2), progress=progress))
    assert len(frames) == 2 and set(totals) == {1}
