"""A run that begins with the checkpoint of another one."""

import pytest
import torch
from safetensors.torch import load_file
from tiny_training import TINY

from latentsync_core.errors import InputError, WeightsError
from latentsync_lab.fresh import nano_networks
from latentsync_lab.training import start, train
from latentsync_lab.training.mouth_regressor import MouthRegressor
from latentsync_lab.training.stages import RunDirectory


def tensors(checkpoint):
    return {p.relative_to(checkpoint): load_file(p) for p in sorted(checkpoint.rglob("*.safetensors"))}


def test_what_is_not_trained_is_what_it_began_with(nano, tmp_path):
    for stage in ("data", "export"):
        train(TINY, tmp_path, stage, nano)
    before, after = tensors(nano), tensors(tmp_path / "checkpoint")
    assert before.keys() == after.keys() and len(after) == 5
    for file, parts in after.items():
        assert all(torch.equal(tensor, before[file][key]) for key, tensor in parts.items()), file


@pytest.mark.slow
def test_stages_go_on_from_it_and_need_no_other_stage(nano, tmp_path):
    for stage in ("data", "pixels"):
        train(TINY, tmp_path, stage, nano)
    state = torch.load(tmp_path / "pixels.pt", weights_only=True)
    began = load_file(nano / "latentsync_unet.safetensors")
    kept = [key for key in state["model"] if "motion_modules." not in key and "attentions." not in key]
    assert kept and all(torch.equal(state["model"][key], began[key].float()) for key in kept)
    with pytest.raises(InputError, match="run the stage 'reader' first"):
        RunDirectory(TINY, tmp_path).load_trained("reader", MouthRegressor())


def test_a_checkpoint_that_will_not_do_is_refused_at_once(nano, tmp_path, monkeypatch):
    with pytest.raises(WeightsError):
        train(TINY, tmp_path, "data", tmp_path / "nowhere")
    unet, _, whisper = nano_networks()
    monkeypatch.setattr(start, "nano_networks", lambda: (unet, torch.nn.Linear(2, 2), whisper))
    with pytest.raises(InputError, match="other sizes"):
        train(TINY, tmp_path, "data", nano)
    assert not list(tmp_path.iterdir())


def test_a_run_in_a_new_folder_can_begin_with_a_checkpoint(nano, tmp_path):
    start.begin_with(nano, tmp_path / "runs" / "new")
    assert [path.name for path in (tmp_path / "runs" / "new").iterdir()] == ["start"]
