"""The simulation of many GPUs: what can be calculated it gives exactly, and what was measured nearly."""

import pytest

from benchmarks.simulation import Costs, simulate


@pytest.mark.parametrize("gpus", [1, 2, 8, 64])
def test_gpus_alone_take_their_share_of_the_time(gpus):
    made = simulate(Costs((0.5,)), gpus, clips=6, windows=64)
    assert made.seconds == pytest.approx(6 * 64 / gpus * 0.5)
    assert made.limit == "GPUs" and made.busy["GPUs"] == pytest.approx(1)
    assert made.busy["driver"] == made.busy["network"] == 0


@pytest.mark.parametrize(
    ("costs", "limit", "rate"),
    [
        (Costs((0.01,), read_seconds=0.15, paste_seconds=0.1), "driver", 4),
        (Costs((0.01,), read_seconds=0.15, paste_seconds=0.1, driver_cores=2), "driver", 8),
        (Costs((0.01,), window_MB=25, network=1250), "network", 50),
        (Costs((0.01,), kept_MB=5, disk=100), "disk", 20),
    ],
)
def test_what_is_slowest_sets_the_pace(costs, limit, rate):
    made = simulate(costs, 100, clips=30, windows=100)
    assert made.limit == limit and made.windows_per_second == pytest.approx(rate, rel=0.02)


def test_a_window_passes_one_part_after_the_other():
    costs = Costs((2.0,), 0.25, 0.5, 0.75, 3.0, window_MB=10, network=40, kept_MB=1, disk=4)
    steps = (3, 0.25, 0.25, 2, 0.25, 0.25, 0.5, 0.75)
    assert simulate(costs, 4, clips=1, windows=1).seconds == pytest.approx(sum(steps))


def test_reading_the_next_window_overlaps_with_making_one():
    """The driver is behind a single GPU only with the first window and the last one."""
    made = simulate(Costs((1.0,), 0.1, 0.2), 1, clips=1, windows=50)
    assert made.seconds == pytest.approx(0.1 + 50 + 0.2)


def test_clips_in_the_making_are_two_more_than_workers():
    """Each is surveyed for a second and has one window, of a second: half of its time it needs no GPU."""
    for gpus, at_once in ((1, 1), (2, 2), (8, 5)):
        made = simulate(Costs((1.0,), clip_seconds=1.0, driver_cores=100), gpus, clips=240, windows=1)
        assert made.windows_per_second == pytest.approx(at_once, rel=0.03)


def test_drivers_of_their_own_add_up():
    costs = Costs((0.1,), 0.15, 0.1)
    alone, many = (simulate(costs, 8 * n, clips=30 * n, windows=20, drivers=n) for n in (1, 5))
    assert many.windows_per_second == pytest.approx(5 * alone.windows_per_second)
    with pytest.raises(ValueError, match="equal parts"):
        simulate(costs, 9, clips=30, windows=20, drivers=5)


def test_the_same_seed_gives_the_same_times():
    costs = Costs((0.1, 0.5, 1.2), 0.01, 0.01)
    first, again, other = (simulate(costs, 3, clips=5, windows=9, seed=seed).seconds for seed in (1, 1, 2))
    assert first == again != other
