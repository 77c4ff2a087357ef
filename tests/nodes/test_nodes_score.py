"""Sync Score: the library's figures, on an untrained SyncNet."""

import importlib

import numpy as np
import pytest
import torch
from comfy_api.latest import InputImpl

from latentsync_lab.fresh import nano_networks
from latentsync_lab.synthetic import bundled_speech, talking_clip


@pytest.fixture(scope="module")
def evaluator(tmp_path_factory, core):
    """models/latentsync/custom: a checkpoint with a SyncNet of random weights."""
    weights = importlib.import_module(f"{core.__name__}.weights")
    syncnet = importlib.import_module(f"{core.__name__}.models.syncnet")
    torch.manual_seed(0)
    network = syncnet.StableSyncNet(
        syncnet.EncoderConfig(48, (32, 32, 32, 32, 64), ((1, 2), 2, 2, 2, 2), (False,) * 5),
        syncnet.EncoderConfig(1, (32, 32, 32, 32, 64), ((2, 1), 2, 2, 2, (4, 6)), (False,) * 5),
    )
    home = tmp_path_factory.mktemp("models") / "custom"
    weights.write_checkpoint(home, *nano_networks(), weights.Manifest(), {}, torch.float32, network, None)
    return home


@pytest.fixture
def installed(evaluator, home):
    folder = home / "models" / "latentsync"
    folder.mkdir()
    (folder / "custom").symlink_to(evaluator)
    return folder


@pytest.fixture(scope="module")
def talk(core):
    """IMAGE of 36 frames, AUDIO of the same length, the face."""
    said = bundled_speech("a")
    said = core.Waveform(np.ascontiguousarray(said.samples[:, 4000:27040]), said.sample_rate)
    clip = talking_clip(3, said.samples[0], size=(128, 128))
    images = torch.from_numpy(np.stack(list(clip.read(range(36))))) / 255
    audio = {"waveform": torch.from_numpy(said.samples)[None], "sample_rate": 16000}
    return images, audio, core.find_face(core.TensorClip(images, 25))


def test_figures_are_the_librarys(run, installed, evaluator, talk, core):
    images, audio, speaker = talk
    metrics = importlib.import_module(f"{core.__name__}.metrics")
    weights = importlib.import_module(f"{core.__name__}.weights")
    expected = metrics.score(
        core.TensorClip(images, 25),
        core.Waveform(audio["waveform"][0].numpy(), 16000),
        weights.load_syncnet(evaluator / "syncnet"),
        track=speaker,
    )
    offset, confidence, report, curve = run(
        "LatentSyncSyncScore", images=images, audio=audio, model="custom", speaker=speaker
    )
    assert (confidence, report) == (expected.confidence, str(expected))
    assert expected.offset is None and offset == 0 and "no verdict" in report
    assert curve.shape == (1, 400, 768, 3) and 0 <= curve.min() < curve.max() == 1


def test_a_videos_own_audio_is_the_default(run, installed, talk, core, home):
    images, audio, speaker = talk
    path = home / "input" / "talk.mkv"
    said = core.Waveform(audio["waveform"][0].numpy(), 16000)
    with core.open_writer(path, 128, 128, 25, audio=said) as writer:
        for number, frame in enumerate(images):
            writer.write((frame.numpy() * 255).round().astype(np.uint8), number / 25)
    video = InputImpl.VideoFromFile(str(path))
    given = {"video": video, "model": "custom", "speaker": speaker}
    own, other = (
        run("LatentSyncSyncScore", **given)[1],
        run("LatentSyncSyncScore", audio=shuffled(audio), **given)[1],
    )
    assert own == run("LatentSyncSyncScore", audio=audio, **given)[1] != other


def shuffled(audio):
    return {**audio, "waveform": audio["waveform"].flip(-1)}


def test_the_best_shift_is_drawn(bridge, core):
    """The red line stands where the curve is highest."""
    sync = importlib.import_module(f"{core.__name__}.metrics.sync")
    offsets = np.arange(-15, 16)
    image = bridge("score").plot(sync.SyncCurve(offsets, -np.abs(offsets - 6) / 20.0, 30))[0]
    red, green, _ = image[200].unbind(-1)
    columns = torch.where((red > 0.7) & (green < 0.4))[0]
    left, right = bridge("score").LEFT, 768 - bridge("score").RIGHT
    assert abs(columns.float().mean() - (left + (right - left) * 21 / 30)) < 3


def test_without_a_verdict_no_shift_is_marked(bridge, core):
    sync = importlib.import_module(f"{core.__name__}.metrics.sync")
    offsets = np.arange(-15, 16)
    image = bridge("score").plot(sync.SyncCurve(offsets, -np.abs(offsets - 6) / 200.0, 30))[0]
    red, green, _ = image.unbind(-1)
    assert not ((red > 0.7) & (green < 0.4)).any()


def test_the_menu_has_what_can_evaluate(bridge, installed, checkpoint):
    (installed / "untrained").symlink_to(checkpoint)  # has no SyncNet
    assert bridge("checkpoints").list_evaluators() == ["nano", "custom", "1.6 (download)"]


def test_the_download_fetches_the_syncnet_too(bridge, installed, evaluator, monkeypatch):
    checkpoints, asked = bridge("checkpoints"), []

    def download(name, folder, progress, *, optional=False):
        asked.append((name, folder, optional))
        return evaluator

    monkeypatch.setattr(checkpoints, "download_release", download)
    assert checkpoints.fetch_evaluator("1.6 (download)", print) == evaluator / "syncnet"
    assert asked == [("1.6", str(installed), True)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"audio": None}, "has no audio of its own"),
        ({"images": None}, "neither is connected"),
        ({"video": "another"}, "both are connected"),
        ({"model": "absent"}, "no SyncNet|no checkpoint"),
        ({"images": torch.zeros(20, 128, 128, 3)}, "speaker has 36 frames"),
        ({"fps": 40.0, "speaker": None}, "at least 26 frames"),
    ],
)
def test_what_cannot_be_evaluated_is_refused(run, installed, talk, core, change, message):
    images, audio, speaker = talk
    given = {"images": images, "audio": audio, "model": "custom", "speaker": speaker}
    with pytest.raises(core.LatentSyncError, match=message):
        run("LatentSyncSyncScore", **given | change)
