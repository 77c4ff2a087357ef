"""Shared fixtures. The root goes to the end of sys.path: its folder `nodes` must not shadow ComfyUI's module."""

import gc
import os
import sys
from pathlib import Path

# What tests compute is so small that a second thread only waits, for which it takes the time of other tests.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # of numpy, read when it is imported

import cv2  # noqa: E402
import pytest  # noqa: E402
import torch  # noqa: E402

cv2.setNumThreads(1)
torch.set_num_threads(1)

ROOT = Path(__file__).resolve().parents[1]
sys.path[:] = [p for p in sys.path if Path(p or os.curdir).resolve() != ROOT] + [str(ROOT)]
sys.path.insert(0, str(ROOT / "tests"))

SHARED_MEDIA = ROOT.parent / "shared" / "media"


def pytest_collection_finish():
    """Keep what all tests import out of garbage collections, which else take half a second each."""
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """With FAIL_ON_SKIP=1 a skipped test is a failed one, so that a green run means that everything ran."""
    report = yield
    if report.skipped and os.environ.get("FAIL_ON_SKIP") == "1" and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped although FAIL_ON_SKIP=1: {report.longrepr}"
    return report


@pytest.fixture
def plain_network(monkeypatch):
    """Let the UNet's own `forward`, by which tests count and break its steps, be called on a CPU too."""
    from latentsync_core.diffusion import denoise

    monkeypatch.setattr(denoise, "UNetWalk", lambda unet: unet)


@pytest.fixture
def talking_head() -> Path:
    """A real clip: 1080x1920, 502 frames at 25 fps, one adult speaking. Not part of the project."""
    return _media("talking_head.mp4")


@pytest.fixture
def real_speech() -> Path:
    """Real speech: 16 kHz mono, 19.8 s. Not part of the project."""
    return _media("speech.wav")


def _media(name: str) -> Path:
    folder = Path(os.environ.get("LATENTSYNC_TEST_MEDIA", SHARED_MEDIA))
    if not (folder / name).exists():
        pytest.skip(f"{name} is not in {folder}; set LATENTSYNC_TEST_MEDIA to a folder that has it")
    return folder / name
