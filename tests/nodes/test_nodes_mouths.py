"""Make Mouths and Paste Mouths: two halves of a dub, with any node in between."""

from io import BytesIO
from pathlib import Path

import pytest
import torch
from comfy_api.latest import InputImpl


@pytest.fixture
def lines(line):
    return line(lines=line(start=0.08), start=0.48)


@pytest.fixture
def made(dub, lines):
    """made() -> IMAGE, what pastes it, report."""
    return lambda **changes: dub(lines, "LatentSyncMakeMouths", **changes)


@pytest.fixture
def paste(run):
    return lambda images, mouths, **more: run("LatentSyncPasteMouths", images=images, mouths=mouths, **more)


def test_an_identity_between_gives_what_the_one_node_gives_bit_for_bit(dub, made, paste, lines, images):
    whole, (given, mouths, _) = dub(lines), made()
    assert given.shape == (12, 32, 32, 3) and 0 <= given.min() and given.max() <= 1
    halves = paste(given.clone(), mouths)
    for one, other in zip(whole[1:4:2], halves[1:4:2], strict=True):
        assert torch.equal(one, other)
    assert torch.equal(whole[2]["waveform"], halves[2]["waveform"])
    assert not torch.equal(halves[1], images)


def test_the_same_with_a_video_also_from_memory(dub, made, paste, lines, video, left):
    content = InputImpl.VideoFromFile(BytesIO(Path(video.get_stream_source()).read_bytes()))
    whole = dub(lines, images=None, video=video, return_images=True)
    given, mouths, _ = made(images=None, video=content)
    halves = paste(given, mouths, return_images=True)
    assert torch.equal(whole[1], halves[1]) and torch.equal(whole[3], halves[3])
    del whole, halves
    assert left() == []


def test_only_the_frame_of_a_changed_mouth_changes(made, paste):
    given, mouths, _ = made()
    before = paste(given, mouths)[1]
    changed = given.clone()
    changed[7, 16:] = 0
    after, mask = (paste(changed, mouths)[i] for i in (1, 3))
    assert (before != after).flatten(1).any(1).nonzero().flatten().tolist() == [13]
    assert torch.equal(before[mask == 0], after[mask == 0])


@pytest.mark.parametrize("factor", [2, 4])
def test_mouths_may_come_back_at_another_size(made, paste, images, factor):
    given, mouths, _ = made()
    large = torch.nn.functional.interpolate(given.movedim(-1, 1), scale_factor=factor, mode="bicubic")
    _, result, _, mask, report = paste(large.movedim(1, -1).clamp(0, 1), mouths)
    assert torch.equal(result[mask == 0], images[mask == 0]) and not torch.equal(result, images)
    assert f"12 mouths pasted, of {32 * factor} px; they were made at 32 px." in report


@pytest.mark.parametrize("shape", [(11, 32, 32, 3), (12, 32, 48, 3), (12, 32, 32), (12, 32, 32, 2)])
def test_other_images_are_refused(made, paste, core, shape):
    with pytest.raises(core.LatentSyncError, match=r"takes the 12 mouths .* as wide as high, got shape"):
        paste(torch.zeros(shape), made()[1])


def test_what_a_dub_has_denoised_is_not_denoised_again(dub, made, lines):
    dub(lines)
    assert "0 of 2 windows denoised; the others are from earlier runs." in made()[2]
