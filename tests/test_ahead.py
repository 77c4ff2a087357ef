"""Stages in threads: order, errors, ending early, and that they do run at the same time."""

import contextvars
import threading
import time
from contextlib import closing
from itertools import count

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.runs import FAST, clip_of, speech_of, track_of
from support.tiny import golden_pipeline_models

from latentsync_core import Options, TensorClip, lip_sync
from latentsync_core.ahead import Stopped, check_stopped, run_ahead, run_behind
from latentsync_core.compositing.paste import empty_patch
from latentsync_core.diffusion import Denoiser
from latentsync_core.method import Method


class Broken(BaseException):
    """Not even an Exception."""


@pytest.fixture(autouse=True)
def no_thread_is_left():
    before = set(threading.enumerate())
    yield
    after = set(threading.enumerate())
    for timer in after - before:
        if isinstance(timer, threading.Timer):  # of the test itself, which may not have ended yet
            timer.join()
            after.remove(timer)
    assert after <= before


@given(length=st.integers(0, 40), size=st.integers(1, 9), taken=st.integers(0, 45))
@settings(max_examples=60, deadline=None)
def test_items_come_in_order_and_at_most_so_many_ahead(length, size, taken):
    made = []
    items = (made.append(i) or i for i in range(length))
    with closing(run_ahead(items, size)) as ahead:
        for got, item in enumerate(ahead, 1):
            assert item == got - 1
            assert len(made) <= got + size + 1  # those in the queue, and the one that waits to get in
            if got == taken:
                break
    assert taken or len(made) == length


@given(length=st.integers(0, 40), size=st.integers(1, 9))
@settings(max_examples=40, deadline=None)
def test_everything_is_consumed_in_order_when_the_block_ends(length, size):
    taken = []
    with run_behind(taken.append, size) as put:
        for item in range(length):
            put(item)
    assert taken == list(range(length))


def test_nothing_runs_before_the_first_item_is_asked_for():
    made = []
    run_ahead((made.append(i) for i in count()), 3).close()
    assert made == []


@pytest.mark.parametrize("error", [ValueError, MemoryError, KeyboardInterrupt, Broken])
def test_an_error_comes_as_itself_after_the_items_before_it(error):
    def items():
        yield from (1, 2)
        raise error("here")

    ahead, got = run_ahead(items(), 8), []
    with pytest.raises(error, match="here"):
        for item in ahead:
            got.append(item)
    assert got == [1, 2]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, Broken])
def test_what_consuming_raises_comes_as_itself_and_nothing_more_is_taken(error):
    taken = []

    def consume(item):
        taken.append(item)
        if item == 2:
            raise error("there")

    with pytest.raises(error, match="there"), run_behind(consume, 2) as put:
        for item in count():
            put(item)  # the other side has ended, so this does not wait for ever
    assert taken == [0, 1, 2]
    with pytest.raises(error, match="there"), run_behind(consume, 2) as put:
        put(2)  # nothing is put any more: it is raised at the end


def test_where_the_block_fails_what_waits_is_dropped():
    taken, go_on = [], threading.Event()

    def consume(item):
        go_on.wait()
        taken.append(item)

    with pytest.raises(ValueError, match="mine"), run_behind(consume, 8) as put:
        for item in range(8):
            put(item)
        threading.Timer(0.05, go_on.set).start()
        raise ValueError("mine")
    assert taken in ([0], [])


def test_closing_stops_long_work_and_closes_the_iterator_in_its_thread():
    seen = []

    def items():
        seen.append(threading.current_thread())
        try:
            yield 1
            while True:
                time.sleep(0.001)
                check_stopped()
        finally:
            seen.append(threading.current_thread())

    with closing(run_ahead(items(), 4)) as ahead:
        assert next(ahead) == 1
    assert seen[0] is seen[1] is not threading.current_thread()
    check_stopped()  # elsewhere it does nothing
    assert issubclass(Stopped, Exception)


def test_threads_know_the_context_of_their_caller():
    node = contextvars.ContextVar("node", default=None)
    node.set("7")
    assert list(run_ahead((node.get() for _ in range(2)), 1)) == ["7", "7"]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return golden_pipeline_models(tmp_path_factory.mktemp("tiny"))


class Sleeper:
    """A stage that only sleeps, and adds up how long it truly did."""

    def __init__(self, seconds):
        self.seconds, self.slept, self.begun = seconds, 0.0, 0.0

    def __call__(self, times=1):
        started = time.perf_counter()
        self.begun = self.begun or started
        time.sleep(self.seconds * times)
        self.slept += time.perf_counter() - started


class SlowClip(TensorClip):
    def read(self, indices):
        for frame in super().read(indices):
            self.sleep()
            yield frame


def run_slowly(models, monkeypatch, decode, denoise, encode):
    """Return the seconds of a run whose stages take so long a frame, and how long each stage was at work."""
    stages = decode, denoise, encode = [Sleeper(seconds) for seconds in (decode, denoise, encode)]

    def denoised(self, window):
        denoise(len(window.crops))
        return torch.zeros(1, len(window.crops))

    monkeypatch.setattr(Denoiser, "denoise", denoised)
    monkeypatch.setattr(
        Denoiser, "decode", lambda self, latents: np.zeros((latents.shape[1], 64, 64, 3), "f4")
    )
    monkeypatch.setattr(Method, "crop", lambda self, frame, *_: frame[:64, :64])
    monkeypatch.setattr(Method, "paste", lambda self, frame, *_: empty_patch(frame))
    clip = SlowClip(np.stack(list(clip_of(60).read(range(60)))), 25)
    clip.sleep = decode
    options = Options(overlap=0, grain=False, color_match=False, **FAST)
    frames = lip_sync(clip, speech_of(2.4), models, options, track_of(60))
    with closing(frames), run_behind(lambda _: encode(), 4) as put:
        for frame in frames:
            put(frame)
    return time.perf_counter() - decode.begun, [stage.slept for stage in stages]


@pytest.mark.parametrize("seconds", [(0.04, 0.024, 0.024), (0.024, 0.04, 0.024), (0.024, 0.024, 0.04)])
def test_decoding_denoising_and_encoding_overlap(models, monkeypatch, seconds):
    """All three take little longer than the slowest alone; one after the other would be 2.2 times as long."""
    ratios = []
    for _ in range(6):  # on a busy machine threads wake late now and then
        total, stages = run_slowly(models, monkeypatch, *seconds)
        ratios.append(total / max(stages))
        if ratios[-1] <= 1.1 and sum(stages) > 1.8 * max(stages):
            return
    raise AssertionError(f"at most 1.1 times the slowest stage was expected, got {ratios}")


def test_closing_a_run_answers_within_a_step(models, monkeypatch):
    steps = []
    options = Options(overlap=0, steps=60, guidance=1.0)
    stream = lip_sync(
        clip_of(12), speech_of(0.48), models, options, track_of(12), progress=lambda *step: steps.append(step)
    )
    next(stream)  # the first window is done, and the thread is in the next ones
    stream.close()
    answered = len(steps)
    time.sleep(0.05)
    assert len(steps) == answered < 180


@pytest.mark.parametrize("stage", ["read", "denoise"])
def test_an_error_of_any_stage_surfaces_as_itself(models, monkeypatch, stage):
    class Failing(TensorClip):
        def read(self, indices):
            for index, frame in enumerate(super().read(indices)):
                if stage == "read" and index == 7:
                    raise Broken(stage)
                yield frame

    def progress(name, done, total):
        if stage == "denoise" and done == 3:
            raise Broken(stage)

    clip = Failing(np.stack(list(clip_of(12).read(range(12)))), 25)
    with pytest.raises(Broken, match=stage):
        list(lip_sync(clip, speech_of(0.48), models, Options(**FAST), track_of(12), progress=progress))
