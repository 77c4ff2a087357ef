"""Models on a device: whole, or a clear error; given back as the memory mode says.

The fake device is `meta`: it takes tensors and holds no values.
"""

import comfy.model_management as mm
import numpy as np
import pytest
import torch
from torch import nn

META, CPU = torch.device("meta"), torch.device("cpu")


@pytest.fixture(autouse=True)
def plenty(monkeypatch):
    """The fake device cannot be asked for its memory."""

    def free(device=None, torch_free_too=False):
        return (2**34, 2**34) if torch_free_too else 2**34

    monkeypatch.setattr(mm, "get_free_memory", free)
    before = list(mm.current_loaded_models)
    yield
    mm.current_loaded_models[:] = before


@pytest.fixture
def on_meta(bridge, model):
    """The small model, to be run on the fake device; it stays there, as values cannot come back from it."""
    return bridge("devices").manage(model.models, META, "keep")


def places(loaded):
    tensors = [t for p in loaded.patchers for t in [*p.model.parameters(), *p.model.buffers()]]
    return {tensor.device.type for tensor in tensors}


def test_everything_is_on_the_device(on_meta):
    with on_meta.on_device() as models:
        assert places(on_meta) == {"meta"} and models.device == META
    assert on_meta.models.device == CPU


def test_partial_loads_are_completed(on_meta, monkeypatch):
    """--novram: ComfyUI leaves layers behind that are not its own."""
    monkeypatch.setattr(mm, "vram_state", mm.VRAMState.NO_VRAM)
    mm.load_models_gpu(list(on_meta.patchers), force_full_load=True)
    assert "cpu" in places(on_meta)
    with on_meta.on_device():
        assert places(on_meta) == {"meta"}


def test_a_small_budget_does_not_split_a_model(on_meta, monkeypatch):
    """--lowvram, and a device that is almost full."""
    monkeypatch.setattr(mm, "vram_state", mm.VRAMState.LOW_VRAM)
    monkeypatch.setattr(
        mm, "get_free_memory", lambda device=None, torch_free_too=False: (1, 1) if torch_free_too else 1
    )
    with on_meta.on_device():
        assert places(on_meta) == {"meta"}


def test_fp8_stays_fp8_under_comfyuis_management(bridge, checkpoint, home):
    devices = bridge("devices")
    plain, packed = (devices.load(str(checkpoint), precision, "auto").models for precision in ("fp32", "fp8"))
    managed = devices.manage(packed, META, "keep")
    with managed.on_device():
        assert places(managed) == {"meta"}
        kinds = [t.dtype for t in managed.patchers[0].model.state_dict().values()]
        assert kinds.count(torch.uint8) > 50  # float8 weights are held as bytes
    assert weight_bytes(packed.unet) < 0.3 * weight_bytes(plain.unet)


def weight_bytes(network):
    return sum(tensor.nbytes for name, tensor in network.state_dict().items() if name.endswith("weight"))


def test_fp8_frames_are_the_librarys(run, bridge, checkpoint, fast, images, audio, speaker, core):
    packed = bridge("devices").load(str(checkpoint), "fp8", "offload")
    given = {
        "images": images,
        "audio": audio,
        "fps": 25.0,
        "model": packed,
        "options": fast,
        "speaker": speaker,
    }
    result, _, _, report = run("LatentSyncLipSyncFrames", **given)
    models = core.load_models(checkpoint, device="cpu", dtype="fp8")
    clip, speech = core.TensorClip(images, 25), core.Waveform(audio["waveform"][0].numpy(), 16000)
    expected = core.lip_sync(clip, speech, models, fast, speaker)
    assert np.array_equal(result, np.stack(list(expected))) and "float8 weights" in report


def test_partial_loads_give_the_same_result(run, model, fast, images, audio, speaker, monkeypatch):
    given = {
        "images": images,
        "audio": audio,
        "fps": 25.0,
        "model": model,
        "options": fast,
        "speaker": speaker,
    }
    whole = run("LatentSyncLipSyncFrames", **given)[0]
    monkeypatch.setattr(mm, "vram_state", mm.VRAMState.NO_VRAM)
    assert torch.equal(run("LatentSyncLipSyncFrames", **given)[0], whole)


class Stubborn(nn.Linear):
    """A layer that does not move."""

    def _apply(self, function, recurse=True):
        return self


def test_what_stays_behind_is_an_error(on_meta, core, monkeypatch):
    on_meta.patchers[1].model.append(Stubborn(2, 2))
    with pytest.raises(core.errors.DeviceError, match=r"2 tensors did not move to meta, 1.weight among them"):
        with on_meta.on_device():
            pass


@pytest.mark.parametrize(("memory", "stays"), [("auto", True), ("keep", True), ("offload", False)])
def test_models_wait_where_the_memory_mode_says(bridge, model, memory, stays):
    loaded = bridge("devices").manage(model.models, CPU, memory)
    count = len(mm.current_loaded_models)
    with loaded.on_device():
        assert len(mm.current_loaded_models) == count + 3
    assert len(mm.current_loaded_models) == count + 3 * stays


def test_models_wait_there_after_an_error_too(bridge, model):
    loaded = bridge("devices").manage(model.models, CPU, "offload")
    count = len(mm.current_loaded_models)
    with pytest.raises(KeyError), loaded.on_device():
        raise KeyError
    assert len(mm.current_loaded_models) == count


def test_kept_models_stay_when_comfyui_frees_memory(on_meta):
    assert {patcher.offload_device for patcher in on_meta.patchers} == {META}


def test_a_model_that_does_not_fit_says_what_to_change(on_meta, core, monkeypatch):
    def full(*args, **kwargs):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(mm, "load_models_gpu", full)
    with pytest.raises(
        core.errors.DeviceError, match='out of memory. On LatentSync Load Model, choose precision "fp8"'
    ):
        with on_meta.on_device():
            pass


@pytest.mark.usefixtures("plain_network")
def test_a_run_that_does_not_fit_shrinks_and_then_says_what_to_change(
    run, model, fast, images, audio, speaker, core, monkeypatch, left
):
    rows = []

    def full(self, sample, *args, **kwargs):
        rows.append(len(sample))
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(type(model.models.unet), "forward", full)
    options = run("LatentSyncOptions", preset="balanced", **{"preset.steps": 2})
    given = {
        "images": images,
        "audio": audio,
        "fps": 25.0,
        "model": model,
        "options": options,
        "speaker": speaker,
    }
    with pytest.raises(core.errors.DeviceError, match="smallest slices.*On LatentSync Load Model, choose"):
        run("LatentSyncLipSyncFrames", **given)
    assert rows == [2, 1] and left() == []


def test_a_run_that_fits_in_smaller_slices_goes_on(run, model, fast, images, audio, speaker, monkeypatch):
    """Memory for one image at a time in the VAE: the slices are halved until they fit, with the same result."""
    given = {
        "images": images,
        "audio": audio,
        "fps": 25.0,
        "model": model,
        "options": fast,
        "speaker": speaker,
    }
    whole, sizes = run("LatentSyncLipSyncFrames", **given)[0], []
    decode = type(model.models.vae).decode

    def tight(self, latents, *args, **kwargs):
        sizes.append(len(latents))
        if len(latents) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return decode(self, latents, *args, **kwargs)

    monkeypatch.setattr(type(model.models.vae), "decode", tight)
    assert torch.allclose(run("LatentSyncLipSyncFrames", **given)[0], whole, atol=1e-5)
    assert {8, 4, 2, 1} <= set(sizes) and sizes[-1] == 1


def test_the_run_reserves_room_for_its_activations(on_meta, monkeypatch):
    asked = []
    monkeypatch.setattr(mm, "load_models_gpu", lambda models, **more: asked.append(more))
    with on_meta.on_device():
        pass
    assert asked == [{"memory_required": 32 * 32 * 8000 * 4, "force_full_load": True}]
