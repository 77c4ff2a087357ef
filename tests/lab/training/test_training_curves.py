import logging
import sys

import pytest

from latentsync_lab.training.curves import _load_figure_class, draw_curve

CURVE = {
    "steps": 40,
    "losses": {"noise": [1.0, 0.5], "image": [0.4, 0.2]},
    "scores": [{"step": 20, "gain": 0.1}, {"step": 30, "validation offset": 2}, {"step": 40, "gain": 0.3}],
}


@pytest.fixture(autouse=True)
def forget():
    _load_figure_class.cache_clear()
    yield
    _load_figure_class.cache_clear()


def test_curve_is_an_image(tmp_path):
    pytest.importorskip("matplotlib")
    draw_curve(CURVE, tmp_path / "unet.png")
    draw_curve(CURVE | {"losses": {}, "scores": []}, tmp_path / "empty.png")
    assert (tmp_path / "unet.png").read_bytes()[:4] == b"\x89PNG"


def test_without_matplotlib_it_is_said_once(tmp_path, monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with caplog.at_level(logging.INFO, "latentsync_lab"):
        draw_curve(CURVE, tmp_path / "unet.png")
        draw_curve(CURVE, tmp_path / "unet.png")
    assert [record.message for record in caplog.records] == [
        "matplotlib is not installed, so curves are written as .json only."
    ]
    assert not (tmp_path / "unet.png").exists()
