"""A command that is ended from outside: what it leaves on disk, what it says, and its exit code."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from test_cli import sync

from latentsync_core import FileClip
from latentsync_core.cli import main
from latentsync_core.diffusion import WindowStore

ROOT = Path(__file__).resolve().parents[2]
NO_SIGNALS = pytest.mark.skipif(os.name == "nt", reason="Windows has no signals for another process")


def command(files, output, *arguments):
    return [sys.executable, "-m", "latentsync_core", *map(str, ("sync", files / "video.mkv", files / "speech.wav", output,
            "--model", files / "checkpoint", "--device", "cpu", "--guidance", "1", *arguments))]  # fmt: skip


def hidden(folder):
    return [path.name for path in folder.iterdir() if "partial" in path.name]


def heed_signals():
    """Undo what a job in the background, or under nohup, inherits."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def run_until_it_writes(files, output):
    """A run that has finished a window and is in the midst of its file."""
    process = subprocess.Popen(
        command(files, output, "--steps", "40"),
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed_signals,
    )
    work, deadline = output.with_name(f".{output.stem}.resume"), time.monotonic() + 500
    while not (work.is_dir() and list(work.glob("window-*.safetensors"))) and time.monotonic() < deadline:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.05)
    assert list(work.glob("window-*.safetensors")), "the run is too slow for this test"
    assert hidden(output.parent)
    return process


@NO_SIGNALS
@pytest.mark.slow
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_leaves_no_broken_file_and_another_kind_of_file_goes_on(files, tmp_path, monkeypatch, name):
    number = getattr(signal, name)
    process = run_until_it_writes(files, tmp_path / "out.mkv")
    process.send_signal(number)
    said = process.communicate(timeout=120)[1]
    assert process.returncode == 128 + number
    assert "run the same command again" in said and "Traceback" not in said
    assert [path.name for path in tmp_path.iterdir()] == [".out.resume"]
    kept = {path.stem.removeprefix("window-") for path in (tmp_path / ".out.resume").glob("window-*")}
    saved, save = set(), WindowStore.save
    monkeypatch.setattr(WindowStore, "save", lambda *given: (saved.add(given[1]), save(*given)))
    assert main(command(files, tmp_path / "out.mp4", "--steps", "40")[3:]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]
    assert len(FileClip(tmp_path / "out.mp4")) == 20
    assert kept and not kept & saved


@NO_SIGNALS
@pytest.mark.slow
def test_what_a_killed_run_left_is_removed_by_the_next(files, tmp_path):
    process = run_until_it_writes(files, tmp_path / "out.mkv")
    process.kill()
    process.communicate(timeout=60)
    assert len(hidden(tmp_path)) == 1
    assert main(command(files, tmp_path / "out.mp4", "--steps", "40")[3:]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


@NO_SIGNALS
def test_a_signal_that_is_ignored_stays_ignored():
    script = (
        "import os, signal; from latentsync_core.cli.ending import ended_by_signals\n"
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "with ended_by_signals(): os.kill(os.getpid(), signal.SIGHUP)\n"
        "print('went on')"
    )
    made = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert made.stdout == "went on\n"


@pytest.mark.skipif(os.name == "nt", reason="POSIX pipes")
@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["weights", "list"], marks=pytest.mark.slow),
        ["sync", "--help"],
        pytest.param(["plan", "none.mp4", "none.wav"], marks=pytest.mark.slow),
    ],
)
def test_a_reader_that_went_away_ends_a_command_quietly(arguments):
    reading, writing = os.pipe()
    os.close(reading)
    try:
        made = subprocess.run(
            [sys.executable, "-m", "latentsync_core", *arguments],
            cwd=ROOT,
            stdout=writing,
            stderr=writing if "plan" in arguments else subprocess.PIPE,
            text=True,
        )
    finally:
        os.close(writing)
    # argparse itself overlooks a closed pipe
    assert made.returncode == (0 if "--help" in arguments else 141) and not made.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
@pytest.mark.parametrize("arguments, both", [(["weights", "list"], False), (["--version"], True)])
def test_a_full_disk_under_the_output_is_said_in_a_sentence(arguments, both):
    with open("/dev/full", "w") as full:
        made = subprocess.run(
            [sys.executable, "-m", "latentsync_core", *arguments],
            cwd=ROOT,
            stdout=full,
            stderr=full if both else subprocess.PIPE,
            text=True,
        )
    assert made.returncode == 1
    assert both or made.stderr == "error: The output cannot be written: No space left on device.\n"


def test_a_file_of_ones_own_among_the_kept_windows_survives(files, tmp_path):
    work = tmp_path / ".out.resume"
    work.mkdir()
    (work / "notes.txt").write_text("mine")
    (work / "mine.safetensors").write_text("mine")
    (work / f"window-{'0' * 32}.safetensors").write_text("of a stopped run")
    assert sync(files, tmp_path / "out.mkv") == 0
    assert sorted(path.name for path in work.iterdir()) == ["mine.safetensors", "notes.txt"]
