"""Progress, preview, interrupt, resuming."""

import importlib
import re

import comfy.model_management as mm
import comfy.utils
import pytest
import torch
from comfy_setup import PACK


@pytest.fixture
def events(monkeypatch):
    """(value, total, preview, node_id) of every progress that ComfyUI is told; set `stop_at` to interrupt."""
    seen = Events()
    monkeypatch.setattr(comfy.utils, "PROGRESS_BAR_HOOK", seen.hook)
    yield seen
    mm.interrupt_current_processing(False)


class Events(list):
    stop_at = None

    def hook(self, value, total, preview, node_id=None):
        self.append((value, total, preview, node_id))


def test_progress_and_a_preview_per_window(sync, events):
    sync(speaker=None)
    assert {event[3] for event in events} == {"7"}
    assert (20, 20) in [event[:2] for event in events]  # frames surveyed
    assert (4, 4) in [event[:2] for event in events]  # two windows of two steps
    previews = [event[2] for event in events if event[2] is not None]
    assert [(kind, image.size, limit) for kind, image, limit in previews] == [
        ("JPEG", (192, 192), 512)
    ] * len(previews)
    assert len(previews) in (1, 2)  # for two windows; the second may end before the first is shown


def test_frames_that_pass_through_first_cost_no_preview(sync, events, images):
    nobody = torch.zeros_like(images).repeat(2, 1, 1, 1)
    sync(images=torch.cat([nobody, images]), speaker=None)
    shown = [value for value, _, preview, _ in events if preview is not None]
    assert shown in (
        [2, 4],
        [4],
    )  # after each window of two steps; the second may end before the first is shown


def test_an_interrupt_is_answered_while_the_speech_is_listened_to(sync, model, audio, monkeypatch):
    """A minute of it is encoded in several parts."""
    encoded, whisper = [], type(model.models.whisper)
    forward = whisper.forward

    def counted(self, *args, **kwargs):
        encoded.append(1)
        mm.interrupt_current_processing()
        return forward(self, *args, **kwargs)

    monkeypatch.setattr(whisper, "forward", counted)
    monkeypatch.setattr(
        importlib.import_module(f"{PACK}.latentsync_core.method").Method,
        "prepare_speech",
        lambda *_: minute(audio),
    )
    with pytest.raises(mm.InterruptProcessingException):
        sync()
    assert len(encoded) == 1


def minute(audio):
    return audio["waveform"][0, 0].numpy().repeat(75)


@pytest.mark.usefixtures("plain_network")
def test_an_interrupt_is_answered_within_one_step(sync, model, monkeypatch, left):
    steps = []
    forward = type(model.models.unet).forward

    def counted(self, *args, **kwargs):
        steps.append(1)
        mm.interrupt_current_processing()
        return forward(self, *args, **kwargs)

    monkeypatch.setattr(type(model.models.unet), "forward", counted)
    with pytest.raises(mm.InterruptProcessingException):
        sync()
    assert len(steps) == 1
    assert left() == []


def test_an_interrupt_is_answered_while_faces_are_looked_for(run, images):
    mm.interrupt_current_processing()
    with pytest.raises(mm.InterruptProcessingException):
        run("LatentSyncFaces", images=images)


def test_texts_say_what_is_left(sync, monkeypatch, bridge):
    import server

    texts = []

    class Server:
        def send_progress_text(self, text, node_id):
            texts.append((text, node_id))

    monkeypatch.setattr(server.PromptServer, "instance", Server(), raising=False)
    monkeypatch.setattr(bridge("progress"), "TEXT_SECONDS", 0)
    sync(speaker=None)
    assert {node for _, node in texts} == {"7"}
    said = [text.splitlines()[0] for text, _ in texts]
    assert "Looking for faces: 100 %" in said and "Re-syncing the mouth: 100 %" in said
    paragraph = "20 of 20 frames get a new mouth"  # before anything is denoised, and from then on
    assert [paragraph in text for text, _ in texts] == [
        i > said.index("Looking for faces: 100 %") for i in range(len(texts))
    ]
    assert any(re.fullmatch(r"Re-syncing the mouth: 75 %, about \d s left", text) for text in said)
    assert any(
        re.fullmatch(r"Looking for faces: 80 %, this step for about \d+ s more", text) for text in said
    )
    first = next(i for i, text in enumerate(said) if "left" in text)
    assert said[first - 1] == "Re-syncing the mouth: 50 %"  # the next step times a window
