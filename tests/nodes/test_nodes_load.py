"""Load Model: the menu, the folders, downloads, precision."""

import json
import shutil

import comfy.model_management as mm
import folder_paths
import pytest
import torch

OFFERS = ["1.5 (download, 5 GB)", "1.6 (download, 5 GB)"]
NANO = "nano (test model, drawn faces only)"


@pytest.fixture
def menu(nodes, home):
    return lambda: nodes["LatentSyncLoadModel"].define_schema().inputs[0].options


@pytest.fixture
def tiny(home, checkpoint):
    """A checkpoint in models/latentsync."""
    return shutil.copytree(checkpoint, home / "models" / "latentsync" / "my tiny")


@pytest.fixture
def fetched(monkeypatch, bridge, checkpoint):
    """Downloads copy the small checkpoint; the list holds (release, folder)."""
    calls = []

    def download(name, folder, on_progress):
        calls.append((name, folder))
        on_progress("latentsync_unet.pt", 1, 4)
        return shutil.copytree(checkpoint, f"{folder}/LatentSync-{name}")

    monkeypatch.setattr(bridge("checkpoints"), "download_release", download)
    return calls


def test_the_menu_offers_what_is_there_and_what_can_be_fetched(menu, tiny):
    assert menu() == ["my tiny", NANO, *reversed(OFFERS)]


def test_a_fresh_install_offers_a_model_for_people_first(menu):
    assert menu() == [OFFERS[1], NANO, OFFERS[0]]


def test_models_for_drawn_faces_never_come_first(menu, tiny):
    manifest = tiny / "latentsync.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"faces": "drawn"}))
    assert menu() == [OFFERS[1], NANO, "my tiny", OFFERS[0]]


def test_the_menu_follows_the_disk_and_extra_model_paths(menu, home, tiny):
    folder_paths.add_model_folder_path("latentsync", str(home / "elsewhere"))
    shutil.copytree(tiny, home / "elsewhere" / "LatentSync-1.6")
    assert menu() == ["1.6", "my tiny", NANO, OFFERS[0]]
    assert folder_paths.get_folder_paths("latentsync") == [
        str(home / "models" / "latentsync"),
        str(home / "elsewhere"),
    ]


def test_a_choice_outlives_its_place_in_the_menu(nodes, tiny):
    valid = nodes["LatentSyncLoadModel"].validate_inputs
    assert valid(model="my tiny") is valid(model=OFFERS[1]) is valid(model=None) is True
    assert valid(model="nano") is valid(model=NANO) is True
    shutil.copytree(tiny, tiny.with_name("LatentSync-1.6"))
    assert valid(model="1.6") is valid(model=OFFERS[1]) is True


def test_what_is_not_there_says_what_to_do(nodes, tiny):
    valid = nodes["LatentSyncLoadModel"].validate_inputs
    assert 'choose "1.6 (download, 5 GB)", or put it into' in valid(model="1.6")
    assert f"choose one of ['my tiny', '{NANO}'" in valid(model="theirs")


@pytest.mark.parametrize("name", ["nano", NANO])
def test_the_bundled_model_is_loaded_by_either_name(run, fetched, name):
    loaded = run("LatentSyncLoadModel", model=name)
    assert (loaded.models.name, loaded.models.faces, fetched) == ("nano", "drawn", [])


def test_nothing_is_fetched_for_what_is_there(run, tiny, fetched):
    loaded = run("LatentSyncLoadModel", model="my tiny")
    assert (loaded.models.name, loaded.models.dtype, fetched) == ("my tiny", torch.float32, [])


def test_a_download_happens_when_the_node_runs(run, menu, home, fetched):
    assert run("LatentSyncLoadModel", model=OFFERS[1]).models.name == "LatentSync-1.6"
    assert fetched == [("1.6", str(home / "models" / "latentsync"))]
    assert run("LatentSyncLoadModel", model=OFFERS[1]).models.name == "1.6"
    assert len(fetched) == 1 and menu()[0] == "1.6"


def test_a_download_can_be_cancelled(run, home, fetched):
    mm.interrupt_current_processing()
    with pytest.raises(mm.InterruptProcessingException):
        run("LatentSyncLoadModel", model=OFFERS[1])


def test_missing_files_say_what_to_do_in_comfyui(run, images, audio, core, tiny):
    evaluator = 'choose "1.6 \\(download\\)" on LatentSync Sync Score'
    with pytest.raises(core.errors.WeightsMissingError, match=evaluator):
        run("LatentSyncSyncScore", images=images, audio=audio, model="my tiny")


@pytest.mark.parametrize("change", [{"model": "1.6"}, {"precision": "int4"}, {"memory": "disk"}])
def test_what_the_server_would_refuse_is_refused_here_too(run, tiny, core, change):
    with pytest.raises(core.LatentSyncError):
        run("LatentSyncLoadModel", **{"model": "my tiny"} | change)


def test_the_cpu_refuses_half_precision(run, tiny, core):
    with pytest.raises(core.LatentSyncError, match="float16 does not run well on the CPU"):
        run("LatentSyncLoadModel", model="my tiny", precision="fp16")
    assert run("LatentSyncLoadModel", model="my tiny", precision="bf16").models.dtype == torch.bfloat16


def test_fp8_halves_the_weights(run, tiny):
    models = run("LatentSyncLoadModel", model="my tiny", precision="fp8").models
    assert models.precision == "float32 with float8 weights"


def test_auto_takes_what_the_device_is_made_for(bridge, monkeypatch):
    devices, device = bridge("devices"), torch.device("meta")
    kinds = torch.float16, torch.bfloat16, torch.float32
    for fp16, bf16, expected in zip((True, False, False), (True, True, False), kinds, strict=True):
        monkeypatch.setattr(mm, "should_use_fp16", lambda device, answer=fp16: answer)
        monkeypatch.setattr(mm, "should_use_bf16", lambda device, answer=bf16: answer)
        assert devices._choose_dtype(device) == expected


@pytest.mark.parametrize(
    "place",
    [
        "models/LatentSync-1.6",
        "models/checkpoints/LatentSync-1.6",
        "elsewhere/LatentSync-1.6",
        "custom_nodes/ComfyUI-LatentSyncWrapper/checkpoints/LatentSync-1.6",
        "custom_nodes/.disabled/comfyui-latentsyncwrapper@1_0/checkpoints/LatentSync-1.6",
    ],
)
def test_what_other_packs_keep_is_found_and_stays_as_it_is(
    run, menu, home, bridge, checkpoint, fetched, place
):
    (home / "models" / "checkpoints").mkdir()
    folder_paths.add_model_folder_path("checkpoints", str(home / "models" / "checkpoints"))
    folder_paths.add_model_folder_path("checkpoints", str(home / "elsewhere"))
    folder_paths.add_model_folder_path("custom_nodes", str(home / "custom_nodes"))
    shutil.copytree(checkpoint, home / place)
    before = {path: path.stat().st_mtime_ns for path in (home / place).rglob("*")}
    assert menu()[0] == "1.6" and OFFERS[1] not in menu()
    assert run("LatentSyncLoadModel", model=OFFERS[1]).models.name == "1.6" and fetched == []
    assert bridge("checkpoints").list_folders()[0] == str(home / "models" / "latentsync")
    assert before == {path: path.stat().st_mtime_ns for path in (home / place).rglob("*")}


def test_batch_and_compile_reach_the_denoiser(run, tiny):
    usual = run("LatentSyncLoadModel", model="my tiny")
    asked = run("LatentSyncLoadModel", model="my tiny", batch=3, compile=True)
    assert (usual.models.batch, usual.models.compile) == (1, False)
    assert run("LatentSyncLoadModel", model="my tiny", batch=0).models.batch is None
    assert (asked.models.batch, asked.models.compile) == (3, True)
