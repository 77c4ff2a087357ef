"""The nodes in a ComfyUI of their own: the stand-in, or the one that COMFYUI_DIR names."""

import asyncio
import gc
import importlib
import inspect
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))
import comfy_setup

from latentsync_lab.fresh import write_untrained
from latentsync_lab.synthetic import bundled_speech, talking_clip

comfy_setup.add_comfyui()
PACK = comfy_setup.load_pack()
NODES = comfy_setup.node_classes(PACK)
KEPT = "latentsync_kept"
FAST = {"preset": "balanced", "preset.steps": 2, "preset.guidance": 1.0, "preset.reuse": 1}


@pytest.fixture(scope="session")
def core():
    """The library as the nodes see it; its classes are not those of `import latentsync_core`."""
    return importlib.import_module(f"{comfy_setup.PACK}.latentsync_core")


@pytest.fixture
def plain_network(core, monkeypatch):
    """Let the UNet's own `forward`, by which tests count and break its steps, be called on a CPU too."""
    denoise = importlib.import_module(f"{core.__name__}.diffusion.denoise")
    monkeypatch.setattr(denoise, "UNetWalk", lambda unet: unet)


@pytest.fixture(scope="session")
def bridge():
    """bridge("media") -> the module nodes/bridge/media.py."""
    return lambda name: importlib.import_module(f"{comfy_setup.PACK}.nodes.bridge.{name}")


@pytest.fixture(scope="session")
def pack():
    return PACK


@pytest.fixture(scope="session")
def nodes():
    return NODES


@pytest.fixture
def run(home):
    """run("LatentSyncFaces", images=images, choose="left") -> the node's outputs; a single one by itself.

    prompt: the whole prompt that runs, which few nodes look at.
    """

    def call(node_id, prompt=None, **inputs):
        outputs = execute_node(node_id, inputs, prompt).args
        return outputs[0] if len(outputs) == 1 else outputs

    return call


def nest_inputs(node_id, inputs):
    """Return inputs of an API prompt as ComfyUI passes them to the node; a menu with inputs of its own starts at its first."""
    given = dict(inputs)
    for menu in NODES[node_id].GET_SCHEMA().inputs:
        if menu.io_type == "COMFY_DYNAMICCOMBO_V3":
            names = [name for name in given if name.startswith(f"{menu.id}.")]
            inner = {name.removeprefix(f"{menu.id}."): given.pop(name) for name in names}
            given[menu.id] = {menu.id: given.get(menu.id, menu.options[0].key), **inner}
    return given


@pytest.fixture
def ui(home):
    """ui("LatentSyncFaces", images=...) -> what the node shows when it has run."""
    return lambda node_id, **inputs: execute_node(node_id, inputs).ui


def execute_node(node_id, inputs, prompt=None):
    """Run a node as ComfyUI does, as number 7."""
    from comfy_api.latest import io

    hidden = {io.Hidden.unique_id: "7", io.Hidden.prompt: prompt}
    node = NODES[node_id].PREPARE_CLASS_CLONE({"hidden_inputs": hidden})
    inputs = nest_inputs(node_id, inputs)
    with torch.inference_mode():  # as ComfyUI does
        if inspect.iscoroutinefunction(node.execute):
            return asyncio.run(node.EXECUTE_NORMALIZED_ASYNC(**inputs))
        return node.EXECUTE_NORMALIZED(**inputs)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Fresh folders input, output, temp and models; nothing may stay in temp unless a test asks for it."""
    import folder_paths

    for name in ("input", "output", "temp", "models", "user"):
        (tmp_path / name).mkdir()
    for name in ("input", "output", "temp", "user"):
        monkeypatch.setattr(folder_paths, f"{name}_directory", str(tmp_path / name))
    monkeypatch.setattr(folder_paths, "models_dir", str(tmp_path / "models"))
    known = {key: (list(paths), kinds) for key, (paths, kinds) in folder_paths.folder_names_and_paths.items()}
    known.pop("latentsync", None)
    monkeypatch.setattr(folder_paths, "folder_names_and_paths", known)
    monkeypatch.setenv("LATENTSYNC_MODELS", "")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path


def files_in(folder):
    gc.collect()
    return sorted(path.name for path in folder.rglob("*"))


@pytest.fixture
def left(home, bridge):
    """left() -> names of the files in ComfyUI's temp folder, once no player shows them any more.

    Without those that stay until it restarts.
    """

    def names():
        bridge("show").playing.clear()
        return [
            name for name in files_in(home / "temp") if name not in {KEPT, *files_in(home / "temp" / KEPT)}
        ]

    return names


@pytest.fixture
def kept(home):
    """kept("window") -> names of the finished windows in ComfyUI's temp folder."""
    return lambda kind: [name for name in files_in(home / "temp" / KEPT) if name.startswith(kind)]


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory):
    """A small checkpoint of random weights."""
    return write_untrained(tmp_path_factory.mktemp("weights") / "tiny", resolution=32)


@pytest.fixture
def model(bridge, checkpoint, home):
    with torch.inference_mode():
        return bridge("devices").load(str(checkpoint), "auto", "auto")


@pytest.fixture
def fast(run):
    return run("LatentSyncOptions", **FAST)


@pytest.fixture(scope="session")
def images(core):
    """IMAGE: 20 frames of a drawn talking head, 192 x 192."""
    clip = talking_clip(3, _words(core, "a", 12800).samples[0], size=(192, 192))
    return torch.from_numpy(np.stack(list(clip.read(range(20))))) / 255


@pytest.fixture(scope="session")
def speaker(core, images):
    """The face in `images`, so that most tests need not look for it."""
    return core.find_face(core.TensorClip(images, 25))


@pytest.fixture(scope="session")
def survey(core, images):
    return importlib.import_module(f"{comfy_setup.PACK}.latentsync_core.speakers").find_faces(
        core.TensorClip(images, 25)
    )


@pytest.fixture
def line(run, audio, speaker):
    """line(start=0.2) -> LINES of one line; lines=... puts others before it."""

    def make(**changes):
        given = {"audio": audio, "audio_out": 0.24, "speaker": speaker}
        return run("LatentSyncLine", **given | changes)

    return make


@pytest.fixture
def dub(run, model, fast, images, survey, monkeypatch):
    """dub(lines) -> the outputs of LatentSync Dub, or of another node, for `images`; their faces are found already."""
    monkeypatch.setattr(
        f"{comfy_setup.PACK}.latentsync_core.pipeline.dubbing.find_faces", lambda *_, **__: survey
    )
    given = {"images": images, "model": model, "options": fast}
    return lambda lines, node="LatentSyncDub", **changes: run(node, lines=lines, **given | changes)


@pytest.fixture(scope="session")
def audio(core):
    """AUDIO: 0.8 s of speech, mono, 16 kHz."""
    samples = torch.from_numpy(_words(core, "b", 12800).samples)[None]
    return {"waveform": samples, "sample_rate": 16000}


def _words(core, name, count):
    said = bundled_speech(name)
    return core.Waveform(np.ascontiguousarray(said.samples[:, 4000 : 4000 + count]), said.sample_rate)


@pytest.fixture
def video(images, audio, core, home):
    """VIDEO: the same frames as a file with audio."""
    from comfy_api.latest import InputImpl

    path = home / "input" / "talk ünï.mkv"
    said = core.Waveform(audio["waveform"][0].numpy(), 16000)
    with core.open_writer(path, 192, 192, 25, audio=said) as writer:
        for number, frame in enumerate(images):
            writer.write((frame.numpy() * 255).round().astype(np.uint8), number / 25)
    return InputImpl.VideoFromFile(str(path))


@pytest.fixture
def sync(run, model, fast, images, audio, speaker):
    """Lip Sync (Frames) with everything given, and what differs."""
    given = {
        "images": images,
        "audio": audio,
        "fps": 25.0,
        "model": model,
        "options": fast,
        "speaker": speaker,
    }
    return lambda **changes: run("LatentSyncLipSyncFrames", **given | changes)
