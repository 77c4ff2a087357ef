"""Rows of a batch that are dubs: results, hashes of all that a sheet names, bad lines."""

import json
import shutil

import cv2
import numpy as np
import pytest
from support.sounds import write_wav

from latentsync_core import FileClip
from latentsync_core.cli import main
from latentsync_core.diffusion import Denoiser
from latentsync_core.errors import DeviceError

FAST = ["--steps", "1", "--guidance", "1", "--device", "cpu"]
CUES = "name,audio,start,out\none,said/a.wav,0.08,0.16\ntwo,said/b.wav,0.44,0.16\n"


def batch(files, jobs, out, *arguments):
    return main(["batch", str(jobs), str(out), "--model", str(files / "checkpoint"), *FAST, *arguments])


def outcomes(out):
    return json.loads((out / "results.json").read_text())


def write_jobs(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def folder(files, tmp_path):
    """film.mkv, film.csv and the audio of its two lines."""
    (tmp_path / "said").mkdir()
    for name in "ab":
        shutil.copy(files / "speech.wav", tmp_path / "said" / f"{name}.wav")
    shutil.copy(files / "video.mkv", tmp_path / "film.mkv")
    (tmp_path / "film.csv").write_text(CUES)
    return tmp_path


@pytest.fixture
def denoised(monkeypatch):
    """One entry for every window that is denoised."""
    calls, denoise = [], Denoiser.denoise
    monkeypatch.setattr(Denoiser, "denoise", lambda *given: calls.append(1) or denoise(*given))
    return calls


def test_a_row_with_cues_is_what_dub_makes_and_bad_lines_are_named(files, folder, capsys):
    bad = "name,audio,start,speaker\nx,none.wav,0,\ny,said/a.wav,nine,\n"
    (folder / "bad.csv").write_text(bad)
    (folder / "who.csv").write_text("name,audio,start,speaker\nz,said/a.wav,0,4\n")
    film = {"video": "film.mkv", "cues": "film.csv"}
    rows = [
        film | {"output": "dub.mkv", "sound": "replace"},
        film | {"cues": "bad.csv"},
        film | {"cues": "who.csv"},
        film | {"audio": "said/a.wav"},
        film | {"length": "loop"},
        {"video": "film.mkv", "audio": "said/a.wav", "output": "sync.mkv"},
    ]
    out = folder / "out"
    assert batch(files, write_jobs(folder / "jobs.jsonl", *rows), out) == 3
    assert capsys.readouterr().out.startswith("2 made, 0 kept, 4 failed")
    table = outcomes(out)
    assert [row["status"] for row in table] == ["made", "failed", "failed", "failed", "failed", "made"]
    assert [(row["audio"], row["cues"]) for row in table[:2]] == [("", "film.csv"), ("", "bad.csv")]
    for row, words in zip(
        table[1:5], ["2 problems", "line z: Face 4 was asked for", "has both", "--length=loop"], strict=True
    ):
        assert words in row["error"]
    assert "line 1 (x): audio: none.wav" in table[1]["error"] and "line 2 (y): start:" in table[1]["error"]
    given = [folder / "film.mkv", folder / "film.csv", folder / "own.mkv", "--sound", "replace"]
    assert main(["dub", *map(str, given), "--model", str(files / "checkpoint"), *FAST]) == 0
    ours, theirs = (list(FileClip(path).read(range(20))) for path in (out / "dub.mkv", folder / "own.mkv"))
    assert np.array_equal(ours, theirs)
    report = json.loads((out / "dub.mkv.report.json").read_text())
    assert report["job"] == table[0]["job"] and [line["name"] for line in report["lines"]] == ["one", "two"]
    assert [path.name for path in out.glob(".*resume")] == [
        ".film_who.resume"
    ]  # its survey, for a better sheet


@pytest.mark.slow
def test_another_sheet_or_another_file_of_it_makes_a_dub_anew(files, folder, denoised):
    (folder / "pairs").mkdir()
    for name in ("film.mkv", "film.csv", "said"):
        (folder / name).rename(folder / "pairs" / name)
    pairs = folder / "pairs"
    masks = np.full((192, 192, 3), 255, np.uint8)

    def count(*arguments):
        denoised.clear()
        assert batch(files, pairs, folder / "out", *arguments) == 0
        return len(denoised), outcomes(folder / "out")[0]["status"]

    assert [count(), count(), count("--seed", "2")] == [(2, "made"), (0, "kept"), (2, "made")]
    write_wav(pairs / "said/b.wav", np.sin(np.arange(10000) / 9) / 4)
    assert [count(), count()] == [(2, "made"), (0, "kept")]
    cv2.imwrite(str(pairs / "said/mask.png"), masks)
    (pairs / "film.csv").write_text(
        CUES.replace("out", "out,protect").replace("0.16\ntwo", "0.16,said/mask.png\ntwo")
    )
    assert [count(), count()] == [(2, "made"), (0, "kept")]
    cv2.imwrite(str(pairs / "said/mask.png"), masks // 2)
    assert count() == (2, "made")
    assert (folder / "out/film.mp4").exists()


def test_a_dub_that_was_stopped_goes_on(files, folder, monkeypatch, denoised):
    jobs = write_jobs(folder / "jobs.jsonl", {"video": "film.mkv", "cues": "film.csv"})
    decode, decoded = Denoiser.decode, []

    def fail_once(*given):
        decoded.append(1)
        if len(decoded) == 2:
            raise DeviceError("stopped")
        return decode(*given)

    monkeypatch.setattr(Denoiser, "decode", fail_once)
    assert batch(files, jobs, folder / "out") == 3 and len(denoised) == 2
    assert batch(files, jobs, folder / "out") == 0 and len(denoised) == 3
