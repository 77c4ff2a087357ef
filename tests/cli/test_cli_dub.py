"""`dub`: plans, retakes, kept windows, sound, and what is wrong before anything is made."""

import json

import numpy as np
import pytest

from latentsync_core import FileClip, read_audio
from latentsync_core.cli import main


@pytest.fixture
def film(files, tmp_path):
    (tmp_path / "speech.wav").write_bytes((files / "speech.wav").read_bytes())
    rows = ["name,audio,start,in,out", "one,speech.wav,0.08,0,0.16", "two,speech.wav,00:00:00:11,0.2,0.4"]
    (tmp_path / "cues.csv").write_text("\n".join(rows))
    return files / "video.mkv"


def dub(film, folder, *arguments, cues="cues.csv", out="out.mkv"):
    return main(["dub", *map(str, [film, folder / cues, folder / out, "--steps", 1, *arguments])])


def frames_of(path):
    return np.stack(list(FileClip(path).read(range(20))))


def test_a_plan_says_what_becomes_of_each_line_and_makes_nothing(film, tmp_path, capsys):
    assert main(["dub", str(film), str(tmp_path / "cues.csv"), "--plan"]) == 0
    said = capsys.readouterr().out
    assert "line one: frames 2-5, person 1, nobody else is to be seen; 4 of 4 re-synced in 1 window\n" in said
    assert "line two: frames 11-15" in said and list(tmp_path.glob("*.mkv")) == []


def test_lines_are_dubbed_and_a_retake_makes_its_own_windows_alone(files, film, tmp_path, capsys):
    given = "--model", files / "checkpoint", "--store", tmp_path / "store"
    assert dub(film, tmp_path, *given, "--report", tmp_path / "r.json", "--sound", "replace") == 0
    assert "2 of 2 windows denoised" in capsys.readouterr().out
    made, source = frames_of(tmp_path / "out.mkv"), frames_of(film)
    changed = (made != source).any((1, 2, 3))
    assert np.flatnonzero(changed).tolist() == [*range(2, 6), *range(11, 16)]
    heard, own = read_audio(tmp_path / "out.mkv"), read_audio(film)
    assert (heard.samples[:, :1200] == own.samples[:, :1200]).all() and (heard.samples != own.samples).any()
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["windows"] == {"all": 2, "denoised": 2} and [line["name"] for line in report["lines"]] == [
        "one",
        "two",
    ]
    assert dub(film, tmp_path, *given, "--retake", "two", "--seed", 3, out="again.mkv") == 0
    assert "1 of 2 windows denoised" in capsys.readouterr().out
    again = frames_of(tmp_path / "again.mkv")
    assert (again[:11] == made[:11]).all() and (again[11:16] != made[11:16]).any()


def test_speech_is_fitted_where_a_sheet_has_its_place(film, files, tmp_path, capsys):
    rows = ["name,audio,start,end,in,out,fit", "a,speech.wav,0,0.43,0,0.4,", "b,speech.wav,0.1,0.5,0,0.4,no",
            "c,speech.wav,0.2,,0,0.4,", "d,speech.wav,0.3,0.7,0,0.1,yes"]  # fmt: skip
    (tmp_path / "cues.csv").write_text("\n".join(rows))
    assert dub(film, tmp_path, "--plan", "--fit") == 0
    said = capsys.readouterr().out.splitlines()
    assert [line for line in said if "speech is" in line or "place" in line] == [
        "line a: the speech is fitted from 0.40 to 0.43 s: speech 7.0% slower.",
        "line d: the speech lasts 0.10 s and its place 0.40 s; other pauses and a tempo within 10 % reach 0.11 s, so it "
        "stays as it is.",
        "line c: it has no end in cues.csv, so that its speech is not fitted.",
    ]
    assert dub(film, tmp_path, "--plan") == 0
    assert [line[:6] for line in capsys.readouterr().out.splitlines() if "place" in line] == ["line d"]


def test_the_fitted_speech_is_heard(film, files, tmp_path):
    (tmp_path / "cues.csv").write_text("audio,start,end,out\nspeech.wav,0.2,0.63,0.4")
    assert dub(film, tmp_path, "--model", files / "checkpoint", "--fit", "--sound", "replace") == 0
    heard, own = read_audio(tmp_path / "out.mkv").samples[0], read_audio(film).samples[0]
    said = np.flatnonzero(heard != own[: len(heard)]) / 16000
    assert said[0] >= 0.2 and said[-1] == pytest.approx(0.63, abs=0.01)


def test_every_wrong_line_is_named_before_anything_is_made(files, film, tmp_path, capsys):
    rows = ["name,audio,start,speaker", "a,speech.wav,0.08,", "b,none.wav,0,", "c,speech.wav,0.1,4"]
    (tmp_path / "wrong.csv").write_text("\n".join(rows))
    assert dub(film, tmp_path, "--model", files / "checkpoint", cues="wrong.csv") == 1
    said = capsys.readouterr()
    assert "line a: frames 2-" in said.out
    assert "2 problems; nothing was made" in said.err
    assert "line 2 (b): audio: none.wav" in said.err and "line c: Face 4 was asked for; 1 found" in said.err
    assert not (tmp_path / "out.mkv").exists()


def test_a_sheet_without_a_line_is_said_before_the_film_is_looked_at(film, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("latentsync_core.pipeline.dubbing.find_faces", None)
    before = set(tmp_path.iterdir())
    assert dub(film, tmp_path, cues="none.csv") == 1
    said = capsys.readouterr().err
    assert "none.csv cannot be read" in said and "Kept" not in said and set(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--retake", "one"], "--retake takes a --seed"),
        (["--retake", "nine", "--seed", "3"], "it has no nine"),
        (["--preset", "exact"], "exact does one speech"),
        (["--timecode", "25:00:00:00"], "25:00:00:00"),
    ],
)
def test_arguments_that_cannot_be_meant_are_refused(film, tmp_path, capsys, arguments, words):
    assert dub(film, tmp_path, "--plan", *arguments) == 1
    assert words in capsys.readouterr().err


def test_without_a_result_or_a_plan_it_says_what_it_takes(film, tmp_path, capsys):
    assert main(["dub", str(film), str(tmp_path / "cues.csv")]) == 1
    assert "dub takes FILM CUES OUT" in capsys.readouterr().err
