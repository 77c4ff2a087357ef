import numpy as np
import pytest
from torch import nn

from latentsync_core.data import Waveform
from latentsync_core.synthetic import talking_clip
from latentsync_core.training.judge import Case, judge


def vowels(rate, seconds=2.0):
    """A sound that opens and closes `rate` times a second, and then is silent."""
    times = np.arange(int(seconds * 16_000)) / 16_000
    loud = np.clip(np.sin(2 * np.pi * rate * times), 0, 1) * (times < 0.7 * seconds)
    return (0.4 * loud * np.sin(2 * np.pi * 700 * times)).astype(np.float32)


class Redness(nn.Module):
    """Stands for the reader: an open mouth of these speakers is redder than their skin."""

    def forward(self, crops):
        size = crops.shape[-1]
        mouth = crops[:, :, round(0.66 * size) : round(0.8 * size), round(0.4 * size) : round(0.6 * size)]
        red = (mouth[:, 0] - mouth[:, 1]).mean((1, 2))
        return red[:, None].expand(-1, 3)


@pytest.fixture(scope="module")
def case():
    said, new = vowels(1.5), vowels(2.2)
    return Case(talking_clip(7, said), talking_clip(7, new), Waveform(new[None], 16_000))


def frames(clip):
    return list(clip.read(range(len(clip.times))))


def test_the_truth_follows_the_new_sound(case):
    verdict = judge(case, frames(case.truth), Redness())
    assert verdict.new == pytest.approx(verdict.ceiling) and verdict.new > 0.9
    assert verdict.old < 0.5 and verdict.lag == 0
    assert verdict.mesh > 0.9
    assert verdict.jitter == pytest.approx(1)
    assert verdict.psnr > 60


def test_the_source_follows_the_old_sound(case):
    verdict = judge(case, frames(case.source), Redness())
    assert verdict.old > 0.9 > 0.5 > max(verdict.new, verdict.mesh)
    assert verdict.psnr < 40


def test_lateness_is_found(case):
    late = frames(case.truth)
    verdict = judge(case, [late[0]] * 3 + late[:-3], Redness())
    assert verdict.lag == 3
