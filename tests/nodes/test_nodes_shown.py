"""What a finished node shows: its report, and a player of its result."""

from pathlib import Path

import pytest
import torch


@pytest.fixture
def output(monkeypatch):
    """(text, node) of all texts that are shown while a node runs."""
    import server

    texts = []

    class Server:
        def send_progress_text(self, text, node_id):
            texts.append((text, node_id))

    monkeypatch.setattr(server.PromptServer, "instance", Server(), raising=False)
    return texts


@pytest.fixture
def given(model, fast, audio, speaker):
    return {"audio": audio, "model": model, "options": fast, "speaker": speaker}


def played(shown, home):
    """The file that a node plays."""
    (entry,) = shown["images"]
    assert shown["animated"] == (True,)
    return home / entry["type"] / entry["subfolder"] / entry["filename"]


def test_the_report_stands_on_the_finished_node(ui, output, given, images):
    shown = ui("LatentSyncLipSyncFrames", images=images, fps=25.0, **given)
    (report,) = shown["text"]
    assert "20 re-synced" in report and "tiny at 32 px" in report and "images" not in shown
    assert output[-1] == (report, "7")


def test_a_video_is_played(ui, output, given, video, home, core, left):
    shown = ui("LatentSyncLipSyncVideo", video=video, **given)
    path = played(shown, home)
    assert len(core.FileClip(path)) == 20 and path.parent == home / "temp"
    assert "20 re-synced" in shown["text"][0] and output[-1] == (shown["text"][0], "7")
    assert left() == []


def test_the_newest_results_stay_while_they_are_shown(ui, bridge, home):
    """ComfyUI may drop a result while its node still shows it; the file goes when newer ones are shown."""
    frames = torch.ones(2, 32, 32, 3)
    paths = [played(ui("LatentSyncReassemble", images=frames, fps=25.0), home) for _ in range(6)]
    assert [path.is_file() for path in paths] == [False, False, True, True, True, True]
    assert bridge("show").playing.maxlen == 4


def test_reassemble_says_what_is_new_and_plays_it(ui, home, core):
    clip, part = torch.full((50, 64, 96, 3), 0.25), torch.ones(10, 64, 96, 3)
    shown = ui("LatentSyncReassemble", images=part, fps=25.0, original_images=clip, start=0.8)
    assert shown["text"] == ("50 frames at 25.000 fps (2.00 s); 0.80 s to 1.20 s are new",)
    assert len(core.FileClip(played(shown, home))) == 50
    shown = ui("LatentSyncReassemble", images=part, fps=25.0)
    assert shown["text"] == ("10 frames at 25.000 fps (0.40 s)",)


def test_what_comfyui_does_not_serve_is_not_played(bridge, home, tmp_path):
    make_player, inside = bridge("show").make_player, home / "output" / "latentsync_remote" / "a b.mp4"
    served = make_player(inside).as_dict()["images"]
    assert served == [{"filename": "a b.mp4", "subfolder": "latentsync_remote", "type": "output"}]
    assert (
        make_player(Path("/elsewhere/x.mp4"))
        is make_player(home / "outputs" / "x.mp4")
        is make_player(None)
        is None
    )


@pytest.mark.parametrize("name", ["LatentSyncFaces", "LatentSyncSyncScore"])
def test_nodes_that_only_look_run_alone(nodes, home, name):
    assert nodes[name].GET_SCHEMA().is_output_node


@pytest.mark.parametrize(
    "name", ["LatentSyncLipSyncFrames", "LatentSyncLipSyncVideo", "LatentSyncReassemble", "LatentSyncRemote"]
)
def test_what_is_shown_comes_back_from_the_cache(nodes, home, name):
    """Without running: ComfyUI sends it again when it answers from its cache."""
    schema = nodes[name].GET_SCHEMA()
    assert schema.has_intermediate_output and not schema.is_output_node
