"""Faces: who is in a clip, drawn, and the one chosen."""

import numpy as np
import pytest
import torch


@pytest.fixture(scope="module")
def two(images):
    """IMAGE: the same head twice, smaller on the right; 6 frames are enough for choosing."""
    small = torch.nn.functional.interpolate(images[:6].movedim(-1, 1), (144, 144)).movedim(1, -1)
    right = torch.nn.functional.pad(small, (0, 0, 0, 0, 0, 48), value=0.5)
    return torch.cat([images[:6], right], 2)


@pytest.mark.parametrize(
    ("choice", "side"),
    [
        ({"choose": "auto"}, "left"),
        ({"choose": "right"}, "right"),
        ({"choose": "number", "choose.number": 2}, "right"),
        ({"choose": "point", "choose.x": 264.0, "choose.y": 70.0}, "right"),
        ({"choose": "box", "choose.boxes": {"x": 20, "y": 20, "width": 150, "height": 150}}, "left"),
        (
            {"choose": "box", "choose.boxes": [[], [{"x": 210, "y": 10, "width": 100, "height": 120}]]},
            "right",
        ),
    ],
)
def test_a_speaker_is_chosen(run, two, choice, side):
    speaker, preview, report = run("LatentSyncFaces", images=two, **choice)
    assert (
        np.nanmean(speaker.points[..., 0]) < 192
        if side == "left"
        else np.nanmean(speaker.points[..., 0]) > 192
    )
    assert preview.shape == (6, 192, 336, 3) and preview.dtype == torch.float32
    assert not torch.equal(preview, two)
    assert f"{1 if side == 'left' else 2}: seen in 6," in report and report.count("chosen") == 1


def test_large_and_long_clips_have_a_small_preview(run, images, home):
    big = torch.nn.functional.interpolate(images[:8].movedim(-1, 1), (900, 900)).movedim(1, -1)
    assert run("LatentSyncFaces", images=big)[1].shape == (6, 768, 768, 3)


def test_the_preview_is_shown_on_the_node(nodes, two, home):
    from comfy_api.latest import io

    node = nodes["LatentSyncFaces"].PREPARE_CLASS_CLONE({"hidden_inputs": {io.Hidden.unique_id: "7"}})
    assert len(node.EXECUTE_NORMALIZED(images=two, choose={"choose": "auto"}).ui.as_dict()["images"]) == 6


def test_a_video_is_taken_as_it_is_trimmed(run, video):
    assert len(run("LatentSyncFaces", video=video.as_trimmed(0.2, 0.2))[0]) == 5


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "neither is connected"),
        ({"images": 1, "video": 1}, "both are connected"),
        ({"images": 1, "choose": "box"}, "needs boxes"),
        ({"images": 1, "choose": "box", "choose.boxes": [[], []]}, "needs boxes"),
        (
            {"images": 1, "choose": "box", "choose.boxes": {"left": 1}},
            r"takes a BOUNDING_BOX \(x, y, width, height in pixels\)",
        ),
        ({"images": 1, "choose": "box", "choose.boxes": [[1, 2, 3, 4]]}, "takes a BOUNDING_BOX .* got 1"),
        ({"images": 1, "choose": "tallest"}, "choose takes"),
        ({"images": 1, "choose": "number", "choose.number": 3}, "Face 3 was asked for"),
    ],
)
def test_what_cannot_be_chosen_is_refused(run, two, core, given, message):
    given = {name: two if value == 1 else value for name, value in given.items()}
    with pytest.raises(core.LatentSyncError, match=message):
        run("LatentSyncFaces", **given)
