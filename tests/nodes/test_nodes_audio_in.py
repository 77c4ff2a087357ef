"""AUDIO from any node: audio is taken in every usual form, and the rest is refused before any work."""

from collections.abc import Mapping

import numpy as np
import pytest
import torch

SINE = torch.sin(torch.arange(1600) / 5) * 0.7


@pytest.fixture
def taken(bridge):
    """Samples (channels, n) and rate that the library gets of an AUDIO."""

    def take(waveform, rate=16000):
        got = bridge("media").waveform_of({"waveform": waveform, "sample_rate": rate})
        return torch.from_numpy(got.samples), got.sample_rate

    return take


@pytest.mark.parametrize(
    ("dtype", "full", "offset"),
    [(torch.int8, 2**7, 0), (torch.int16, 2**15, 0), (torch.int32, 2**31, 0), (torch.uint8, 2**7, 2**7)],
)
def test_whole_numbers_are_scaled_by_what_their_type_holds(taken, dtype, full, offset):
    whole = (SINE.double() * full).round() + offset
    samples, _ = taken(whole.to(dtype)[None, None])
    assert samples.dtype == torch.float32 and (samples[0] - SINE).abs().max() <= 0.51 / full + 1e-6


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_floats_are_taken_as_they_are(taken, dtype):
    samples, _ = taken(SINE.to(dtype)[None, None])
    assert torch.equal(samples[0], SINE.to(dtype).float())


def test_two_dimensions_and_one_are_one_audio(taken):
    stereo = torch.stack([SINE, -SINE])
    assert torch.equal(taken(stereo)[0], stereo) and torch.equal(taken(stereo[None])[0], stereo)
    assert torch.equal(taken(SINE)[0], SINE[None])
    assert torch.equal(taken(stereo.numpy())[0], stereo)


@pytest.mark.parametrize("rate", [44100, 44100.0, np.int64(44100), torch.tensor(44100)])
def test_a_rate_is_taken_in_every_usual_type(taken, rate):
    assert taken(SINE[None, None], rate)[1] == 44100


@pytest.mark.parametrize(
    "rate", [0, -16000, 1, 2**31 - 1, 44100.5, float("nan"), float("inf"), True, "CD", None, [1]]
)
def test_a_rate_that_is_none_is_refused(taken, core, rate):
    with pytest.raises(core.LatentSyncError, match="audio takes a sample_rate .*got "):
        taken(SINE[None, None], rate)


@pytest.mark.parametrize(
    ("waveform", "message"),
    [
        ([0.0] * 100, "as a tensor, got list"),
        (SINE[None, None].long(), "8, 16 or 32 bit, got torch.int64"),
        (SINE[None, None] > 0, "got torch.bool"),
        (torch.complex(SINE, SINE), "got torch.complex64"),
        (SINE[:, None].repeat(1, 2), r"1 to 64 channels, \(1, channels, samples\), got \(1600, 2\)"),
        (SINE[None, None, None], "a batch of one"),
        (torch.zeros(0, 1, 100), "a batch of one"),
        (torch.zeros(1, 0, 100), "1 to 64 channels"),
        (torch.tensor(0.5), "a batch of one"),
        (SINE[None, None] * float("nan"), "NaN"),
    ],
)
def test_what_is_no_audio_is_refused(taken, core, waveform, message):
    with pytest.raises(core.LatentSyncError, match=message):
        taken(waveform)


class Lazy(Mapping):
    """As VideoHelperSuite's AUDIO: read when it is looked at."""

    def __init__(self, give):
        self.give = give

    def __getitem__(self, key):
        return self.give()[key]

    def __iter__(self):
        return iter(self.give())

    def __len__(self):
        return len(self.give())


def fail():
    raise Exception("VHS failed to extract audio from silent.mp4:\nOutput file does not contain any stream")


def test_lazy_audio_is_taken_and_what_it_raises_is_told_with_the_cure(bridge, core):
    waveform_of = bridge("media").waveform_of
    lazy = Lazy(lambda: {"waveform": SINE[None, None], "sample_rate": 16000})
    assert waveform_of(lazy).samples.shape == (1, 1600)
    with pytest.raises(
        core.LatentSyncError, match=r"from silent.mp4: .*no audio. Connect LatentSync Load Audio"
    ) as output:
        waveform_of(Lazy(fail))
    assert "Output file" not in str(output.value) and str(output.value.__cause__).startswith("VHS failed")


def test_the_node_refuses_before_it_works_and_gives_floats_back(
    run, model, fast, images, audio, speaker, core, monkeypatch
):
    given = {"images": images, "fps": 25.0, "model": model, "options": fast, "speaker": speaker}
    whole = (audio["waveform"] * 32767).short()
    said = run("LatentSyncLipSyncFrames", audio={**audio, "waveform": whole[0]}, **given)[1]["waveform"]
    assert said.shape == (1, 1, 12800) and torch.equal(said, whole / 32768)
    monkeypatch.setattr(type(model), "on_device", lambda self: pytest.fail("it worked"))
    with pytest.raises(core.LatentSyncError, match="sample_rate"):
        run("LatentSyncLipSyncFrames", audio={**audio, "sample_rate": 0}, **given)
