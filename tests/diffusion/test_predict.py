"""Guided and unguided steps: which rows run, whole or not, and that they are those of a run without guidance."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from latentsync_core.diffusion.memory import Slicer
from latentsync_core.diffusion.predict import NoisePredictor

SHAPE = (1, 1, 2, 1, 1)


class Network:
    """Returns the sum of the tokens, and notes the rows of every call."""

    def __init__(self):
        self.calls = []

    def answer(self, kind, tokens):
        self.calls.append((kind, len(tokens)))
        return tokens.sum((1, 2, 3)).view(-1, 1, 1, 1, 1).expand(-1, *SHAPE[1:])

    def predict(self, sample, timestep, tokens):
        return self.answer("whole", tokens)

    def predict_deep(self, sample, timestep, tokens):
        return self.answer("whole", tokens), torch.ones(len(tokens), 1)

    def predict_shallow(self, sample, timestep, tokens, deep):
        assert len(deep) == len(tokens)
        return self.answer("shallow", tokens)


def predict_all(steps, unguided, reuse, guidance=1.5):
    """Return the calls of a window, and the noise of each step; the speech says 1, so that is the conditioned noise."""
    network = Network()
    predict = NoisePredictor(
        network,
        torch.zeros(SHAPE),
        torch.full((1, 2, 1, 1), 0.5),
        guidance=guidance,
        unguided=unguided,
        reuse=reuse,
        rows=Slicer("UNet", 2),
    )
    noise = [float(predict(step, torch.tensor(0), torch.zeros(SHAPE)).mean()) for step in range(steps)]
    return network.calls, noise


def test_the_steps_of_the_preset_draft():
    calls, noise = predict_all(6, 3, 3)
    assert calls == [("whole", 1), *[("shallow", 1)] * 2, ("whole", 2), *[("shallow", 2)] * 2]
    assert noise == [1, 1, 1, 1.5, 1.5, 1.5]


def test_a_row_without_deep_features_runs_the_whole_network():
    calls, _ = predict_all(6, 1, 3)
    assert calls == [("whole", 1), ("whole", 2), ("shallow", 2), ("whole", 2), *[("shallow", 2)] * 2]


@given(steps=st.integers(1, 12), unguided=st.integers(0, 12), reuse=st.integers(1, 5))
def test_unguided_steps_run_the_conditioned_row_alone(steps, unguided, reuse):
    calls, noise = predict_all(steps, unguided, reuse)
    assert [rows for _, rows in calls] == [1 if step < unguided else 2 for step in range(steps)]
    assert noise == [1.0 if step < unguided else 1.5 for step in range(steps)]


@pytest.mark.parametrize("reuse", [1, 3])
def test_rows_that_do_not_fit_together_run_one_after_the_other(reuse):
    class Small(Network):
        def answer(self, kind, tokens):
            if len(tokens) > 1:
                raise torch.OutOfMemoryError("simulated")
            return super().answer(kind, tokens)

    predict = NoisePredictor(
        Small(), torch.zeros(SHAPE), torch.full((1, 2, 1, 1), 0.5), guidance=2.0, unguided=1, reuse=reuse,
        rows=Slicer("UNet", 2),
    )  # fmt: skip
    noise = [float(predict(step, torch.tensor(0), torch.zeros(SHAPE)).mean()) for step in range(4)]
    assert noise == [1, 2, 2, 2]
