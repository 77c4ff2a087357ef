"""What `dev.py bench` counts and writes."""

import json

import numpy as np
import pytest
import torch

pytest.importorskip("resource", reason="the benchmarks are for Linux")

from benchmarks.speed import plots, report, step
from benchmarks.speed.error import Sampled, Scene
from benchmarks.speed.machine import run_forked
from benchmarks.speed.presets import RESOLUTIONS, UPSTREAM, WAYS, count_way
from benchmarks.speed.scaling import SWEEPS, Size, run_size, write_clip
from benchmarks.speed.sheet import ENLARGED, MARGIN, MOMENTS, draw_sheet
from benchmarks.speed.work import count_networks, count_rows, work_of_second
from latentsync_core import PRESETS, Options
from latentsync_core.models.unet import LatentSyncUNet

TINY = {
    "block_out_channels": (32, 64),
    "down_block_types": ("CrossAttnDownBlockMotion", "DownBlockMotion"),
    "up_block_types": ("UpBlockMotion", "CrossAttnUpBlockMotion"),
    "layers_per_block": 1,
}
MOST = {"exact": 1.0, "quality": 0.75, "balanced": 0.33, "draft": 0.20}
"""Work of a preset, of upstream's 20 steps."""


@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_no_preset_costs_more_than_it_may(resolution):
    whole = sum(work_of_second(PRESETS["exact"], resolution))
    for name, options in PRESETS.items():
        assert sum(work_of_second(options, resolution)) <= MOST[name] * whole, name


def test_the_count_is_that_of_the_published_sizes():
    """A step with guidance is 8.10 TFLOP at 256 px; encoding and decoding as diffusers' own VAE has them."""
    networks = count_networks(256)
    assert 2 * networks.whole == pytest.approx(8.10, abs=0.01) and networks.shallow < networks.whole / 15
    unet, vae = work_of_second(Options.preset("exact"), 256)
    assert unet == pytest.approx(40 * networks.whole * 25 / 16)
    assert vae == pytest.approx((32 * networks.encode + 16 * networks.decode) * 25 / 16)


@pytest.mark.parametrize(
    ("options", "rows"),
    [(Options(steps=20, reuse=1), (40, 0)), (Options(steps=20, reuse=3), (14, 26)),
     (Options(steps=6, reuse=3, guided=0.5), (3, 6)), (Options(steps=8, reuse=1, guidance=1.0), (8, 0))],
)  # fmt: skip
def test_rows_are_counted_as_the_library_asks_for_them(options, rows):
    assert count_rows(options) == rows


def test_the_table_stands_between_its_marks():
    text = f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n"
    assert report.write_between(text, "| new |") == f"before\n{report.BEGIN}\n| new |\n{report.END}\nafter\n"
    assert report.write_between(report.write_between(text, "a"), "b") == report.write_between(text, "b")
    with pytest.raises(ValueError, match="takes one line"):
        report.write_between(text * 2, "| new |")


def test_the_readme_holds_what_was_measured():
    rows = json.loads(report.FIGURES.read_text(encoding="utf-8"))["presets"]["figures"]
    assert report.format_presets(rows) in report.README.read_text(encoding="utf-8")
    assert {
        name: {key: rows[name][key] for key in counted} for name, counted in count_all().items()
    } == count_all()


def count_all():
    return {name: count_way(options) for name, options in WAYS.items()}


def test_parts_are_kept_beside_one_another(tmp_path):
    report.save("step", {"a": 1}, tmp_path)
    report.save("scaling", {"b": 2}, tmp_path)
    found = json.loads((tmp_path / report.FIGURES.name).read_text())
    assert found["step"]["figures"] == {"a": 1} and found["scaling"]["figures"] == {"b": 2}
    assert {"processor", "threads", "packages"} <= set(found["step"]["machine"])


def test_a_step_is_compared_round_by_round():
    def run(cpu, difference=0.0):
        return {"cpu": cpu, "wall": cpu / 2, "matmul": 100.0, "memory": 6.0, "difference": difference}

    row = step.summarise([run(60, 1e-6), run(80), run(70)], [run(100), run(100), run(100)])
    assert row["ratios"] == [0.6, 0.8, 0.7] and row["ratio"] == 0.7 and row["difference"] == 1e-6
    assert row["share of matmul"] == pytest.approx(8.10e3 / 70 / 100, abs=2e-3)


def test_the_ways_take_turns_and_agree(monkeypatch):
    monkeypatch.setattr(step, "LatentSyncUNet", lambda: LatentSyncUNet(**TINY))
    monkeypatch.setattr(step, "RESOLUTION", 64)
    monkeypatch.setattr(step, "measure_matmul", lambda: 100.0)
    rows = step.measure_step(None, 2, 1)
    assert list(rows) == ["ours without the walk", "ours, memory not kept", "ours"]
    assert all(len(row["cpu"]) == 2 and row["difference"] < 1e-4 for row in rows.values())
    assert rows["ours without the walk"]["ratios"] == [1, 1]


def test_what_runs_in_a_process_of_its_own_comes_back():
    assert np.array_equal(run_forked(lambda: np.arange(3)), np.arange(3))
    with pytest.raises(SystemExit, match="died"):
        run_forked(lambda: 1 / 0)


def test_plots_are_drawn(tmp_path):
    way = {"work 512": 1.0, "least psnr": 40.0}
    plots.draw_presets({UPSTREAM: way, "draft": way}, tmp_path / "presets.png")
    plots.draw_step({"upstream": {"cpu": [100.0, 90.0], "ratio": 1.0}}, tmp_path / "step.png")
    row = {"survey": 1.0, "resync": 2.0, "memory": 0.5}
    plots.draw_scaling({name: {"1": row, "2": row} for name in SWEEPS}, tmp_path / "scaling.png")
    assert all((tmp_path / f"{name}.png").stat().st_size > 1000 for name in ("presets", "step", "scaling"))


def test_a_sheet_has_a_column_for_each_way_and_the_truth():
    pixels = torch.zeros(32, 3, 128, 128)
    scene = Scene(None, None, None, pixels, np.linspace(0, 1, 32), None)
    sheet = draw_sheet(scene, {name: Sampled(pixels, None) for name in WAYS})
    height, width = (
        64 * ENLARGED * MOMENTS + MARGIN,
        77 * ENLARGED,
    )  # the lower half, without a fifth on either side
    assert sheet.shape == (height, width * (len(WAYS) + 1), 3)


def test_a_clip_is_surveyed_and_every_person_re_synced(tmp_path):
    size = Size(seconds=0.2, people=2)
    row = run_size(write_clip(size, tmp_path / "clip.mp4"), size, 1)
    assert row["survey"] > 0 and row["resync"] > 0 and row["memory"] > 0.1
