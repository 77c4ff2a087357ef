from dataclasses import replace

import numpy as np
import pytest
import torch
from stand_ins import speaker

from latentsync_core.errors import InputError
from latentsync_core.media import TensorClip
from latentsync_core.metrics.against import compare_images


class Means(torch.nn.Module):
    """Stands for VideoMAE: the mean colour of every frame of four."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.model = type("Model", (), {"config": type("Config", (), {"num_frames": 4})})

    def forward(self, clips):
        return clips.mean((3, 4)).flatten(1)


def frames_of(clip):
    return np.stack(list(clip.read(range(len(clip.times)))))


def test_original_and_itself(scene):
    clip, _, view = scene
    same = compare_images(view.scene, clip)
    assert same.psnr_inside > 100 and same.ssim_outside == pytest.approx(1)
    assert same.jitter == pytest.approx(view.jitter)
    assert same.temporal is None
    assert compare_images(view.scene, clip, Means()).temporal == 0


def test_only_the_mouth_differs(scene):
    clip, _, view = scene
    made = frames_of(clip)
    rows, columns = np.mgrid[0 : clip.height, 0 : clip.width]
    for frame, matrix in zip(made, view.scene.matrices, strict=True):
        x, y = (matrix[k, 0] * columns + matrix[k, 1] * rows + matrix[k, 2] for k in (0, 1))
        mouth = (x > 20) & (x < 32) & (y > 43) & (y < 54)  # of the crop's 52 x 70, well inside the mask
        frame[mouth] = np.where(frame[mouth] > 127, frame[mouth] - 10, frame[mouth] + 10)
    longer = np.concatenate([frames_of(clip), frames_of(clip)[:5]])
    ours = replace(view.scene, clip=TensorClip(torch.from_numpy(made), 25))
    result = compare_images(ours, TensorClip(torch.from_numpy(longer), 25), Means())
    assert 25 < result.psnr_inside < 45 and result.psnr_outside > 60
    assert result.ssim_inside < 0.999 < result.ssim_outside
    assert result.temporal > 0


def test_originals_that_do_not_go_with_it(scene):
    _, _, view = scene
    with pytest.raises(InputError, match=r"of its own size, got \(192, 192\) and \(160, 160\)"):
        compare_images(view.scene, speaker(size=(160, 160))[0])
    nowhere = replace(view.scene, matrices=np.full_like(view.scene.matrices, np.nan))
    with pytest.raises(InputError, match="no neighbouring frames in common"):
        compare_images(nowhere, view.scene.clip)
