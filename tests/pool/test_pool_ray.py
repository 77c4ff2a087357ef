"""Workers on a Ray cluster of this machine: a head without CPUs, and nodes of one CPU."""

import os
import shutil
import signal
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from pool.stand_in import StandIn, expected, task
from support.runs import FAST, clip_of, speech_of, track_of

from latentsync_core import Options, load_models
from latentsync_core.cli import main
from latentsync_core.errors import PoolError, WeightsMissingError
from latentsync_core.pipeline import plan_sync, render
from latentsync_core.pool import ModelSource, StuckLimit, WindowPool
from latentsync_lab.fresh import write_untrained

MEDIA = Path(__file__).parents[2] / "example_workflows" / "media"
pytestmark = pytest.mark.slow


def pool_of(cluster, workers=2, limit=None, **settings):
    from latentsync_core.pool.cluster import RayWorker, connect_ray, share_cluster

    connect_ray(cluster.address)
    begin = [partial(RayWorker, StandIn(**settings), share) for share in share_cluster(workers)]
    return WindowPool(begin, limit=limit)


def wait_for(condition, seconds=180):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.05)


def check(futures):
    for number, future in enumerate(futures):
        assert (future.result(180).latents == expected(number)).all()


def test_every_window_is_made_once(ray_cluster, tmp_path):
    with pool_of(ray_cluster, journal=str(tmp_path), seconds=0.05) as pool:
        futures = [pool.submit(task(number)) for number in range(20)]
        check(futures)
        assert futures[0].result().mouths.flags.writeable
    assert len(list(tmp_path.iterdir())) == 20


def test_more_workers_than_cpus_are_refused(ray_cluster):
    with pytest.raises(PoolError, match="has 2 CPUs"):
        pool_of(ray_cluster, 3)


def test_a_killed_worker_is_replaced(ray_cluster, tmp_path):
    with pool_of(ray_cluster, journal=str(tmp_path), seconds=0.2) as pool:
        futures = [pool.submit(task(number)) for number in range(4)]
        futures[0].result(180)
        os.kill(int(next(tmp_path.iterdir()).name.split(".")[1]), signal.SIGKILL)
        check(futures + [pool.submit(task(number)) for number in range(4, 12)])
        (death,) = pool.to_json()["deaths"]
        assert "its worker process has died" in death
        wait_for(lambda: str(pool) == "2 workers")
    assert len(list(tmp_path.iterdir())) <= 13


def test_without_its_node_a_worker_waits_for_another_one_and_the_rest_goes_on(ray_cluster, tmp_path):
    with pool_of(ray_cluster, journal=str(tmp_path), seconds=0.2) as pool:
        futures = [pool.submit(task(number)) for number in range(4)]
        wait_for(lambda: str(pool) == "2 workers")
        ray_cluster.remove_node(next(iter(ray_cluster.worker_nodes)), allow_graceful=False)
        check(futures + [pool.submit(task(number)) for number in range(4, 12)])
        assert str(pool) == "1 of 2 workers"
        ray_cluster.add_node(num_cpus=1)
        wait_for(lambda: str(pool) == "2 workers")
    assert len(list(tmp_path.iterdir())) <= 13


@pytest.mark.parametrize(("name", "cause"), [("kills it", "process has died"), ("odd", "unspecified launch")])
def test_a_window_that_ends_three_workers_is_an_error_that_names_it(ray_cluster, name, cause):
    with pool_of(ray_cluster) as pool:
        bad, good = pool.submit(task(0, name)), pool.submit(task(1))
        with pytest.raises(PoolError, match=f"^{name} ended 3 workers.*{cause}.*{cause}.*{cause}"):
            bad.result(180)
        assert (good.result(180).latents == expected(1)).all()


@pytest.mark.parametrize("name", ["stuck", "stuck, stopped"])
def test_a_stuck_worker_is_ended_and_its_windows_go_to_others(ray_cluster, tmp_path, name):
    with pool_of(ray_cluster, journal=str(tmp_path), limit=StuckLimit(least=5, first=5)) as pool:
        check([pool.submit(task(number, "" if number else name)) for number in range(6)])
        assert "stuck, and ended after" in pool.to_json()["deaths"][0]


def test_errors_of_ours_come_back_as_they_are(ray_cluster):
    with pool_of(ray_cluster, broken="no checkpoint here") as pool:
        with pytest.raises(WeightsMissingError, match="no checkpoint here"):
            pool.wait_for_worker()
    with pool_of(ray_cluster) as pool:
        with pytest.raises(WeightsMissingError, match="raises cannot be made"):
            pool.submit(task(0, "raises")).result(180)
        assert pool.to_json()["deaths"] == []


def test_a_folder_of_videos_is_scored_by_the_cluster(ray_cluster, tmp_path, capsys):
    for name in ("a.mp4", "b.mp4"):
        shutil.copyfile(MEDIA / "latentsync_person.mp4", tmp_path / name)
    given = ["score", str(tmp_path), "--json"]
    assert main([*given, str(tmp_path / "here.json"), "--device", "cpu"]) == 0
    assert main([*given, str(tmp_path / "ray.json"), "--ray", ray_cluster.address]) == 0
    assert (tmp_path / "here.json").read_text() == (tmp_path / "ray.json").read_text()
    assert "2 scored, 0 failed" in capsys.readouterr().out


@pytest.mark.parametrize("workers", [1, 2])
def test_frames_are_those_of_one_process(ray_cluster, tmp_path, workers):
    """The real networks, on as many nodes: the very same bytes as without a cluster."""
    source = ModelSource(str(write_untrained(tmp_path / "checkpoint", resolution=64)))
    models = load_models(source.model, device="cpu")
    dub = plan_sync(clip_of(30), speech_of(1.2), Options(**FAST), track_of(30), models=models)
    from latentsync_core.pool.cluster import RayWorker, Share, connect_ray

    connect_ray(ray_cluster.address)
    with WindowPool([partial(RayWorker, source.load, Share(0, 1))] * workers) as pool:
        assert np.array_equal(list(render(dub, models, pool=pool)), list(render(dub, models)))
