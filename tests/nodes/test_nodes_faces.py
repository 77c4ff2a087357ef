"""Faces: who is in a clip, drawn, and the one chosen."""

import importlib

import numpy as np
import pytest
import torch
from comfy_execution.graph_utils import ExecutionBlocker


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
        ({"choose": "largest"}, "left"),
        ({"choose": "right"}, "right"),
        ({"choose": "numbers", "choose.numbers": "2 + 1"}, "right"),
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
    assert f"\nspeaker, of 2 found: person {1 if side == 'left' else 2}" in report
    assert ("no audio of the clip's own" in report) == (choice == {"choose": "auto"})


def test_large_and_long_clips_have_a_small_preview(run, images, home):
    big = torch.nn.functional.interpolate(images[:8].movedim(-1, 1), (900, 900)).movedim(1, -1)
    assert run("LatentSyncFaces", images=big)[1].shape == (6, 768, 768, 3)


def test_images_and_report_are_shown_on_the_node(ui, run, two):
    shown = ui("LatentSyncFaces", images=two)
    assert len(shown["images"]) == 6
    assert shown["text"] == (run("LatentSyncFaces", images=two)[2],)


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"choose": "number", "choose.number": 3}, "Face 3 was asked for; 2 found"),
        (
            {"choose": "box", "choose.boxes": {"x": 1, "y": 1, "width": 2, "height": 2}},
            "No face is ever within the box",
        ),
    ],
)
def test_nobody_there_shows_the_image_and_says_so(run, ui, two, choice, message):
    """The nodes behind `speaker` are left out, with the reason; image and report are there to choose by."""
    speaker, preview, report = run("LatentSyncFaces", images=two, **choice)
    assert isinstance(speaker, ExecutionBlocker) and speaker.message == report
    assert report.startswith(message) and "1: found in 6 of" in report and "speaker, of" not in report
    assert preview.shape == (6, 192, 336, 3) and not torch.equal(preview, two)
    shown = ui("LatentSyncFaces", images=two, **choice)
    assert len(shown["images"]) == 6 and shown["text"] == (report,)


def test_without_any_face_the_image_is_shown(run, ui, two):
    grey = torch.full_like(two, 0.5)
    speaker, preview, report = run("LatentSyncFaces", images=grey)
    assert isinstance(speaker, ExecutionBlocker) and "No face was found" in report
    assert torch.allclose(preview, grey, atol=0.01) and len(ui("LatentSyncFaces", images=grey)["images"]) == 6


def test_everybody_is_in_some_image(core):
    """Also a person who is seen between the frames that are spread over the clip."""
    points = np.full((2, 100, 3, 2), np.nan)
    points[0] = points[1, 31:34] = 1.0
    faces = importlib.import_module(f"{core.__name__}.faces")
    tracks = tuple(core.FaceTrack.from_points(one) for one in points)
    found = faces.Survey(tracks, np.full((2, 100, 4), 1.0), np.array([], int))
    assert faces.pick_frames(found) == [0, 20, 32, 40, 59, 79, 99]


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
    ],
)
def test_what_cannot_be_chosen_is_refused(run, two, core, given, message):
    given = {name: two if value == 1 else value for name, value in given.items()}
    with pytest.raises(core.LatentSyncError, match=message):
        run("LatentSyncFaces", **given)
