"""Many rows on one pool: results, bad rows, restarts, streams."""

import csv
import io
import json
import shutil
import signal
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from latentsync_core import FileClip, open_writer
from latentsync_core.cli import main
from latentsync_core.cli.batch.rows import parse_rows, read_rows
from latentsync_core.diffusion import Denoiser
from latentsync_core.errors import InputError

FAST = ["--steps", "1", "--guidance", "1", "--device", "cpu"]


def batch(files, jobs, out, *arguments):
    given = [] if jobs is None else [str(jobs)]
    return main(["batch", *given, str(out), "--model", str(files / "checkpoint"), *FAST, *arguments])


def write_jobs(path, *rows):
    names = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, names)
        table.writeheader()
        table.writerows(rows)
    return path


def outcomes(out):
    table = json.loads((out / "results.json").read_text())
    with (out / "results.csv").open(newline="", encoding="utf-8") as file:
        assert [row["status"] for row in csv.DictReader(file)] == [row["status"] for row in table]
    return table


@pytest.fixture
def denoised(monkeypatch):
    """One entry for every window that is denoised."""
    calls, denoise = [], Denoiser.denoise
    monkeypatch.setattr(Denoiser, "denoise", lambda *given: calls.append(1) or denoise(*given))
    return calls


def test_rows_are_what_sync_makes_bad_ones_are_told_and_the_next_run_goes_on(
    files, tmp_path, capsys, denoised
):
    (tmp_path / "text.wav").write_text("no audio")
    video, audio = str(files / "video.mkv"), str(files / "speech.wav")
    rows = [
        {"video": video, "audio": audio, "output": "plain.mkv"},
        {
            "video": video,
            "audio": audio,
            "output": "inner/seed.mkv",
            "seed": 5,
            "length": "cut_off",
            "grain": "false",
        },
        {"video": video, "audio": "missing.wav", "output": "a.mp4"},
        {"video": video, "audio": "text.wav", "output": "b.mp4"},
        {"video": video, "audio": audio, "output": "../outside.mp4"},
        {"video": video, "audio": audio, "output": "plain.mkv", "seed": 6},
        {"video": video, "audio": audio, "output": "c.mp4", "steps": "many"},
        {"video": video, "audio": "", "output": "d.mp4"},
        {"video": video, "audio": audio, "output": "e.mp4", "preset": "exact"},
    ]
    jobs, out = write_jobs(tmp_path / "jobs.csv", *rows), tmp_path / "out"
    assert batch(files, jobs, out) == 3
    said = capsys.readouterr()
    assert said.out.startswith("2 made, 0 kept, 7 failed") and "row 3: " in said.err
    table = outcomes(out)
    assert [row["status"] for row in table] == ["made", "made"] + ["failed"] * 7
    for row, words in zip(
        table[2:], ["missing.wav", "text.wav", "../outside.mp4 does not", "Row 1 makes", "invalid int value", "has no audio and no cues", "`exact` cannot"],
        strict=True,
    ):  # fmt: skip
        assert words in row["error"]
    assert len(FileClip(out / "inner/seed.mkv")) == 16 and not (tmp_path / "outside.mp4").exists()
    assert (
        main(["sync", video, audio, str(tmp_path / "own.mkv"), "--model", str(files / "checkpoint"), *FAST])
        == 0
    )
    ours, theirs = (
        list(FileClip(path).read(range(20))) for path in (out / "plain.mkv", tmp_path / "own.mkv")
    )
    assert np.array_equal(ours, theirs)
    report = json.loads((out / "plain.mkv.report.json").read_text())
    assert report["job"] == table[0]["job"] and report["model"]["workers"]

    denoised.clear()
    (out / "inner/seed.mkv").unlink()
    assert batch(files, write_jobs(tmp_path / "jobs.csv", *rows[:2]), out) == 0
    assert [row["status"] for row in outcomes(out)] == ["kept", "made"] and len(denoised) == 1
    assert sorted(path.name for path in out.iterdir()) == ["inner", "plain.mkv", "plain.mkv.report.json", "results.csv", "results.json"]  # fmt: skip


def test_a_result_of_other_contents_or_options_is_made_anew(files, tmp_path, denoised):
    for name in ("video.mkv", "speech.wav"):
        shutil.copy(files / name, tmp_path / name.replace("speech", "video"))
    (tmp_path / "pairs").mkdir()
    for name in ("video.mkv", "video.wav"):
        (tmp_path / name).rename(tmp_path / "pairs" / name)
    counts = []
    for arguments in ([], ["--seed", "2"], ["--seed", "2"]):
        denoised.clear()
        assert batch(files, tmp_path / "pairs", tmp_path / "out", "--length", "cut_off", *arguments) == 0
        counts.append(len(denoised))
    assert counts == [1, 1, 0]


def test_jobs_are_made_as_they_come_from_standard_input(files, tmp_path, monkeypatch):
    def lines():
        for name in ("a.mkv", "b.mkv"):
            row = {"video": str(files / "video.mkv"), "audio": str(files / "speech.wav"), "output": name}
            yield json.dumps(row | {"length": "cut_off", "seed": 3, "color_match": False}) + "\n"
            wait_for(tmp_path / "out" / name)

    def wait_for(path):
        deadline = time.monotonic() + 60
        while not path.exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)

    monkeypatch.setattr(sys, "stdin", lines())
    assert batch(files, None, tmp_path / "out", "--jobs-from", "-") == 0
    assert [row["status"] for row in outcomes(tmp_path / "out")] == ["made", "made"]


def test_an_interrupted_batch_ends_soon(files, tmp_path, monkeypatch):
    jobs = write_jobs(tmp_path / "jobs.csv", {"video": files / "video.mkv", "audio": files / "speech.wav"})
    denoise = Denoiser.denoise

    def interrupt(*given):
        signal.pthread_kill(threading.main_thread().ident, signal.SIGTERM)
        return denoise(*given)

    with monkeypatch.context() as patch:
        patch.setattr(Denoiser, "denoise", interrupt)
        assert batch(files, jobs, tmp_path / "out") == 143
    assert outcomes(tmp_path / "out") == []


@pytest.mark.parametrize(
    ("text", "words"),
    [("", "begins with the names of its columns"), ("name,audio\na,b\n", "video and audio or cues among them"), ("video\na\n", "audio or cues"), ("[1]\n", "got \\[1\\]")],
)  # fmt: skip
def test_what_is_no_list_is_said_at_once(text, words):
    with pytest.raises(InputError, match=words):
        list(parse_rows(io.StringIO(text)))


def test_lines_that_are_no_jobs_are_rows_with_a_problem(tmp_path):
    rows = list(
        parse_rows(io.StringIO('{"video": "a", "audio": "b", "grain": true}\n\n{"video"\n{"a": null}\n[]\n'))
    )
    assert rows[0].values == {"video": "a", "audio": "b", "grain": "true"} and not rows[0].problem
    assert [row.number for row in rows] == [1, 2, 3, 4] and rows[2].values == {"a": ""}
    assert "no JSON" in rows[1].problem and "takes an object" in rows[3].problem
    rows = list(parse_rows(io.StringIO("video, audio\na, b\n,\nc,d,e\n")))
    assert rows[0].values == {"video": "a", "audio": "b"} and "3 values" in rows[1].problem
    for name in ("a.mp4", "a.wav", "a.csv", "b.mov", "c.flac", "d.mp4", "d.mkv", "d.wav", "e.mp4", "e.SRT", "f.mp4",
                 "f.edl", "f.json", "results.csv", "notes.txt", ".hidden.mp4"):  # fmt: skip
        (tmp_path / name).touch()
    rows = {row.values["video"] or row.values["audio"]: row for row in read_rows(tmp_path)}
    assert list(rows) == ["a.mp4", "b.mov", "c.flac", "d.mkv", "e.mp4", "f.mp4"]
    assert [row.values for row in rows.values() if not row.problem] == [
        {"video": "a.mp4", "audio": "a.wav"},
        {"video": "e.mp4", "cues": "e.SRT"},
    ]
    assert "d has 2, 1 and 0" in rows["d.mkv"].problem and "f has 1, 0 and 2" in rows["f.mp4"].problem


@pytest.mark.parametrize(("jobs", "more"), [(None, []), (Path("jobs.csv"), ["--jobs-from", "-"])])
def test_one_list_is_taken(files, tmp_path, capsys, jobs, more):
    assert batch(files, jobs, tmp_path / "out", *more) == 1
    assert "batch takes a list of jobs" in capsys.readouterr().err


@pytest.mark.slow
def test_seven_broken_clips_of_two_hundred_are_seven_failed_rows(files, tmp_path):
    shutil.copy(files / "speech.wav", tmp_path / "speech.wav")
    make_short_clip(files / "video.mkv", tmp_path / "video.mkv")
    whole = (tmp_path / "video.mkv").read_bytes()
    (tmp_path / "cut.mkv").write_bytes(whole[: len(whole) // 8])
    (tmp_path / "empty.mkv").touch()
    (tmp_path / "text.mkv").write_text("no video")
    good = {"video": "video.mkv", "audio": "speech.wav", "length": "silence"}
    broken = {
        13: {"video": "cut.mkv"}, 31: {"video": "empty.mkv"}, 77: {"video": "text.mkv"}, 101: {"video": "none.mkv"},
        102: {"audio": "text.mkv"}, 150: {"guidance": "0.5"}, 200: {"speaker": "9"},
    }  # fmt: skip
    rows = [good | {"output": f"{n:03}.mkv", "seed": n} | broken.get(n, {}) for n in range(1, 201)]
    assert batch(files, write_jobs(tmp_path / "jobs.csv", *rows), tmp_path / "out") == 3
    table = outcomes(tmp_path / "out")
    failed = {row["row"]: row["error"] for row in table if row["status"] == "failed"}
    assert set(failed) == set(broken)
    made = {f"{n:03}.mkv" for n in range(1, 201) if n not in broken}
    assert {path.name for path in (tmp_path / "out").glob("*.mkv")} == made and all(failed.values())


def make_short_clip(source, path, frames=6):
    clip = FileClip(source)
    with open_writer(path, clip.height, clip.width, clip.fps) as writer:
        for seconds, frame in zip(clip.times, clip.read(range(frames)), strict=False):
            writer.write(frame, float(seconds))
