"""The time that is said to be left, on a clock that a simulated run turns."""

from fractions import Fraction

import numpy as np
import pytest

from latentsync_core.data import Plan, Window
from latentsync_core.timeleft import TimeLeft


class Run:
    """A re-sync that takes as long as it is set to, and notes the estimates and what was true.

    Windows are denoised in a thread: what happens there is played whenever the clock passes it.
    """

    def __init__(self, monkeypatch, *, windows=20, passed=0, steps=20, step=1.0, deep=None, decode=5.0, paste=0.2,
                 passing=0.02, warm_up=0.0, kept=0):  # fmt: skip
        self.now, self.said = 100.0, []
        monkeypatch.setattr("time.monotonic", lambda: self.now)
        self.plan = plan_of(windows, passed)
        self.left = TimeLeft()
        self.begun = self.now
        paces = step, deep or step, decode, warm_up
        self.reports, self.ready = denoise(self.now, windows, steps, kept, *paces)
        costs = [paste / 2 if strength else passing for strength in self.plan.strength]
        for _ in self.left.frames(self.frames(costs), self.plan.strength > 0, len(self.plan.windows)):
            self.advance(self.now + paste / 2)  # writing it
            self.note()
        self.end = self.now

    def frames(self, costs):
        self.left("resync", *self.reports.pop(0)[1:])
        for index, cost in enumerate(costs):
            self.advance(max(self.now, self.ready[min(index // 12, len(self.ready) - 1)]) + cost)
            yield np.zeros((1, 1, 3))

    def advance(self, until):
        while self.reports and self.reports[0][0] <= until:
            self.now, done, total = self.reports.pop(0)
            self.left("resync", done, total)
            self.note()
        self.now = until

    def note(self):
        self.said.append((self.now, self.left.seconds()))

    def after(self, fraction):
        """What was said after a fraction of the run, over what was true."""
        begin = self.begun + fraction * (self.end - self.begun)
        return [said and said / (self.end - now) for now, said in self.said if begin <= now < self.end - 1]


def denoise(now, windows, steps, kept, step, deep, decode, warm_up):
    """When each step was reported, with what, and when each window was decoded."""
    done, total, ready = 0, steps * windows, []
    reports = [(now, done, total)]
    for number in range(windows):
        if number < kept:
            total -= steps
            reports.append((now, done, total))
        else:
            for k in range(steps):
                now += (deep if k % 2 == 0 else step) + warm_up
                warm_up, done = 0.0, done + 1
                reports.append((now, done, total))
        now += decode
        ready.append(now)
    return reports, ready


def plan_of(windows, passed):
    """Windows of 12 frames of their own, then frames that pass through."""
    count = 12 * windows + passed
    strength = np.zeros(count, np.float32)
    strength[: 12 * windows] = 1
    parts = tuple(Window(np.arange(12 * i, 12 * i + 12), np.ones(12, np.float32), 0) for i in range(windows))
    times = np.arange(count) / 25
    return Plan(
        Fraction(25), np.arange(count), times, count / 25, ("resync",) * count, strength, parts, count / 25,
        np.ones(count, bool),
    )  # fmt: skip


RUNS = {
    "usual": {},
    "slow decoding and pasting": {"decode": 40.0, "paste": 3.0},
    "writing takes longer than denoising": {"paste": 6.0},
    "a draft": {"steps": 1, "decode": 3.0, "paste": 0.3},
    "warm-up of three windows": {"warm_up": 60.0, "windows": 60},
    "deep features reused": {"deep": 3.0, "step": 0.3},
    "most frames pass": {"passed": 6000, "windows": 12},
    "half finished before": {"kept": 10},
    "nearly all finished before": {"kept": 15},
    "long": {"windows": 300, "warm_up": 100.0},
}


@pytest.mark.parametrize("name", RUNS)
def test_after_a_tenth_it_is_within_a_factor_of_two(monkeypatch, name):
    run = Run(monkeypatch, **RUNS[name])
    ratios = run.after(0.1)
    if "kept" in RUNS[name]:  # what was finished before says nothing; the first window of this run does
        ratios = ratios[next(i for i, ratio in enumerate(ratios) if ratio) :]
    assert len(ratios) > 20 and None not in ratios
    assert 0.5 <= min(ratios) and max(ratios) <= 2


def test_nothing_is_said_before_the_first_window_is_done(monkeypatch):
    run = Run(monkeypatch, windows=5, kept=2)
    first = next(now for now, said in run.said if said is not None)
    assert first == pytest.approx(run.begun + 2 * 5.0 + 20 + 5 + 1)  # and one step of the next


def test_a_single_window_says_nothing(monkeypatch):
    run = Run(monkeypatch, windows=1)
    assert {said for _, said in run.said} == {None}


def test_other_stages_count_from_what_was_there(monkeypatch):
    now = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    left = TimeLeft()
    left("survey", 0, 100)
    assert left.seconds() is None
    now = 10.0
    left("survey", 20, 100)
    assert left.seconds() == pytest.approx(40)
    now = 20.0
    left("a download", 900, 1000)  # most of it was there before
    assert left.seconds() is None
    now = 25.0
    left("a download", 910, 1000)
    assert left.seconds() == pytest.approx(45)
    left("a download", 1000, 1000)
    assert left.seconds() == 0
