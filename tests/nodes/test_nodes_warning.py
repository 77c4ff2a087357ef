"""A model that was made for other faces: said before, while and after it runs."""

from dataclasses import replace

import pytest


@pytest.fixture
def texts(monkeypatch, bridge):
    """What is shown on the node while it runs."""
    import server

    said = []

    class Server:
        def send_progress_text(self, text, node_id):
            said.append(text)

    monkeypatch.setattr(server.PromptServer, "instance", Server(), raising=False)
    monkeypatch.setattr(bridge("progress"), "TEXT_SECONDS", 0)
    return said


@pytest.fixture
def sync(run, fast, images, audio, speaker):
    given = {"images": images, "audio": audio, "fps": 25.0, "options": fast, "speaker": speaker}
    return lambda model: run("LatentSyncLipSyncFrames", model=model, **given)[3]


@pytest.fixture
def drawn(model):
    """The model of random weights, as one for drawn faces: to its autoencoder all faces are strange."""
    return replace(model, models=replace(model.models, faces="drawn"))


@pytest.mark.usefixtures("plain_network")
def test_it_is_said_before_anything_is_denoised(sync, drawn, texts, monkeypatch):
    steps = []
    forward = type(drawn.models.unet).forward

    def counted(self, *args, **kwargs):
        steps.append(any("made for drawn faces only" in text for text in texts))
        return forward(self, *args, **kwargs)

    monkeypatch.setattr(type(drawn.models.unet), "forward", counted)
    sync(drawn)
    assert steps and all(steps)


def test_it_stays_below_the_progress_and_heads_the_report(sync, drawn, texts, caplog):
    report = sync(drawn)
    assert report.startswith("Warning: tiny is made for drawn faces only") and "Load Model" in report
    progress = [text for text in texts if text.startswith("Re-syncing")]
    assert progress and all("made for drawn faces only" in text for text in progress)
    assert texts[-1] == report and "made for drawn faces only" in caplog.text


def test_models_for_people_say_nothing(sync, model, texts):
    assert "made for" not in sync(model) and not any("made for" in text for text in texts)
