"""The command line on files: results, exit codes, what is said and what is left on disk."""

import json

import av
import numpy as np
import pytest
from PIL import Image

from latentsync_core import FileClip, Waveform, open_writer
from latentsync_core.cli import main
from latentsync_core.diffusion import familiar

FAST = ["--steps", "1", "--guidance", "1", "--device", "cpu"]


def sync(files, output, *arguments, video="video.mkv", audio="speech.wav"):
    return main(["sync", str(files / video), str(files / audio), str(output), "--model", str(files / "checkpoint"),
                 *FAST, *arguments])  # fmt: skip


def packets(path):
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


def test_sync_to_a_lossless_file_changes_the_mouth_only(files, tmp_path, capsys):
    report = tmp_path / "report.json"
    assert sync(files, tmp_path / "out.mkv", "--report", str(report)) == 0
    assert "checkpoint: random weights" in capsys.readouterr().out.lower()
    source, result = FileClip(files / "video.mkv"), FileClip(tmp_path / "out.mkv")
    assert len(result) == len(source) == 20 and np.allclose(result.times, source.times, atol=1e-3)
    for before, after in zip(source.read(range(20)), result.read(range(20)), strict=True):
        changed = (before != after).any(-1)
        rows, columns = np.nonzero(changed)
        assert 60 < rows.min() and rows.max() < 180 and 30 < columns.min() and columns.max() < 165
        assert changed.sum() > 1000
    content = json.loads(report.read_text())
    assert content["plan"]["frames"] == 20 and content["face"]["found_in"] == 20
    assert content["options"]["steps"] == 1 and content["model"]["device"] == "cpu"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.mkv", "report.json"]


def test_without_a_model_the_best_for_people_is_taken(files, tmp_path, capsys, monkeypatch):
    """Where there is none, one error names what to do: the test model is never taken for it."""
    given = [
        "sync",
        *(str(path) for path in (files / "video.mkv", files / "speech.wav", tmp_path / "out.mkv")),
        *FAST,
    ]
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "empty"))
    monkeypatch.setenv("LATENTSYNC_MODELS", str(tmp_path / "empty"))
    assert main(given) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: There is no LatentSync checkpoint") and error.count("\n") == 1
    assert "weights get 1.6" in error and "--model nano" in error and not (tmp_path / "out.mkv").exists()
    monkeypatch.setenv("LATENTSYNC_MODELS", str(files))
    assert main(given) == 0 and "checkpoint: random weights" in capsys.readouterr().out.lower()


def test_nano_on_faces_that_it_does_not_know_warns_first(files, tmp_path, caplog, monkeypatch):
    """Drawn faces are none; with a limit of 0 they are, as the report says too."""
    for name, limit in (("known", familiar.STRANGE), ("strange", 0.0)):
        caplog.clear()
        monkeypatch.setattr(familiar, "STRANGE", limit)
        report = tmp_path / f"{name}.json"
        assert sync(files, tmp_path / f"{name}.mkv", "--model", "nano", "--report", str(report)) == 0
        said = "nano is made for drawn faces only" in caplog.text and "weights get 1.6" in caplog.text
        assert said is (name == "strange")
        assert bool(json.loads(report.read_text())["model"]["warning"]) is said


def test_the_audio_is_copied_bit_for_bit(files, tmp_path):
    assert sync(files, tmp_path / "out.mkv") == 0
    copied, given = packets(tmp_path / "out.mkv"), packets(files / "speech.wav")
    assert b"".join(copied) == b"".join(given)
    assert len(b"".join(given)) == 20000


def test_the_same_seed_gives_the_same_file(files, tmp_path):
    for name in ("a.mkv", "b.mkv"):
        assert sync(files, tmp_path / name, "--seed", "5") == 0
    assert list(map(bytes_of, FileClip(tmp_path / "a.mkv").read(range(20)))) == list(
        map(bytes_of, FileClip(tmp_path / "b.mkv").read(range(20)))
    )


def bytes_of(frame):
    return frame.tobytes()


def test_sync_to_mp4_and_to_images(files, tmp_path):
    assert sync(files, tmp_path / "out.mp4", "--length", "cut_off") == 0
    assert len(FileClip(tmp_path / "out.mp4")) == 16  # 0.625 s of speech
    assert sync(files, tmp_path / "images", "--length", "loop") == 0
    names = sorted(path.name for path in (tmp_path / "images").iterdir())
    assert names == ["audio.wav", *(f"frame_{i:06}.png" for i in range(16))]


def test_an_image_and_a_sentence_make_a_talking_image(files, tmp_path):
    image, out = tmp_path / "still.jpg", tmp_path / "out.mp4"
    (frame,) = FileClip(files / "video.mkv").read([3])
    Image.fromarray(frame).save(image, quality=95)
    assert sync(files, out, video=image) == 0
    result = FileClip(out)
    assert (len(result), result.fps, result.has_audio) == (16, 25, True)  # 0.625 s of speech
    assert sync(files, out, "--fps", "40", video=image) == 0
    assert (len(FileClip(out)), FileClip(out).fps) == (25, 40)


def test_several_windows_at_once(files, tmp_path):
    made = [tmp_path / "auto.mkv", tmp_path / "three.mkv"]
    for out, batch in zip(made, ("auto", "3"), strict=True):
        assert sync(files, out, "--batch", batch, "--report", f"{out}.json") == 0
    one, three = (np.stack(list(FileClip(out).read(range(20)))).astype(int) for out in made)
    assert np.abs(one - three).max() <= 1


def test_bfloat16_from_end_to_end(files, tmp_path):
    report = tmp_path / "report.json"
    assert sync(files, tmp_path / "o.mkv", "--dtype", "bf16", "--report", str(report)) == 0
    assert json.loads(report.read_text())["model"]["dtype"] == "bfloat16"


def test_every_option_can_be_given(files, tmp_path):
    report = tmp_path / "report.json"
    given = {"guided": 0.5, "sampler": "unipc", "reuse": 2, "overlap": 6, "missing_face": "error", "covered": "ignore", "max_turn": 50.5, "feather": 0.1,
             "length": "cut_off", "silence": "keep", "seed": 3, "fps": 20}  # fmt: skip
    arguments = [
        part for name, value in given.items() for part in (f"--{name.replace('_', '-')}", str(value))
    ]
    assert (
        sync(files, tmp_path / "o.mkv", *arguments, "--no-color-match", "--no-grain", "--report", str(report))
        == 0
    )
    options = json.loads(report.read_text())["options"]
    assert options == given | {
        "color_match": False,
        "steps": 1,
        "guidance": 1.0,
        "exact": False,
        "grain": False,
    }


def test_plan_says_and_saves_what_would_happen(files, tmp_path, capsys):
    arguments = [
        "plan",
        str(files / "video.mkv"),
        str(files / "speech.wav"),
        "--save",
        str(tmp_path / "plan.json"),
    ]
    assert main(arguments) == 0
    assert "20 frames at 25.000 fps (0.80 s), 20 re-synced in 2 windows" in capsys.readouterr().out
    saved = json.loads((tmp_path / "plan.json").read_text())
    assert len(saved["plan"]["each_window"]) == 2 and saved["options"]["seed"] == 1247
    assert {len(column) for column in saved["plan"]["each_frame"].values()} == {20}


@pytest.mark.parametrize(
    "speaker, code", [("90,90", 0), ("60,40,150,150", 0), ("500,500,600,600", 1), ("1+2", 1)]
)
def test_the_speaker_is_chosen_by_a_place(files, speaker, code):
    assert main(["plan", str(files / "video.mkv"), str(files / "speech.wav"), "--speaker", speaker]) == code


def test_faces_are_drawn(files, tmp_path, capsys):
    assert main(["faces", str(files / "video.mkv"), str(tmp_path / "faces.mkv")]) == 0
    assert "1 person in 20 frames, 0 cuts" in capsys.readouterr().out
    source, drawn = FileClip(files / "video.mkv"), FileClip(tmp_path / "faces.mkv")
    assert all((a != b).any() for a, b in zip(source.read(range(20)), drawn.read(range(20)), strict=True))


@pytest.mark.parametrize("name", ["faces.png", "faces.JPG"])
def test_faces_are_drawn_into_one_image(files, tmp_path, capsys, name):
    """A sheet of six of the frames; of a picture, the picture."""
    assert main(["faces", str(files / "video.mkv"), str(tmp_path / name)]) == 0
    assert "1 person in 20 frames" in capsys.readouterr().out
    with Image.open(tmp_path / name) as sheet:
        assert sheet.size == (3 * 192, 2 * 192)
        sheet.crop((0, 0, 192, 192)).save(tmp_path / "still.png")
    assert main(["faces", str(tmp_path / "still.png"), str(tmp_path / "one.png")]) == 0
    with Image.open(tmp_path / "one.png") as single:
        assert single.size == (192, 192)
    assert main(["faces", str(tmp_path / "still.png"), str(tmp_path / "still.png")]) == 1
    assert main(["faces", str(files / "video.mkv"), str(tmp_path / "nowhere" / name)]) == 1


def test_weights_list_and_convert(files, tmp_path, capsys):
    assert main(["weights", "list", "--models-folder", str(files)]) == 0
    listed = capsys.readouterr().out
    assert f"{files / 'checkpoint'} (0.01 GB), complete" in listed and "1.6: not here" in listed
    assert main(["weights", "convert", str(files / "checkpoint"), str(tmp_path / "half")]) == 0
    assert (tmp_path / "half" / "latentsync_unet.safetensors").exists()


@pytest.fixture
def bad_files(files, tmp_path):
    """The good files, and one of each kind of bad one."""
    for name in ("video.mkv", "speech.wav", "checkpoint"):
        (tmp_path / name).symlink_to(files / name)
    content = (files / "video.mkv").read_bytes()
    (tmp_path / "cut.mkv").write_bytes(content[: len(content) // 5])
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "text.mp4").write_text("no video")
    (tmp_path / "text.wav").write_text("no audio")
    with open_writer(
        tmp_path / "grey.mkv", 64, 64, 25, audio=Waveform(np.zeros((1, 800), np.float32), 8000)
    ) as writer:
        for i in range(5):
            writer.write(np.full((64, 64, 3), 90, np.uint8), i / 25)
    (tmp_path / "outputs").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"video": "missing.mp4"}, "missing.mp4"),
        ({"video": "empty.mp4"}, "empty.mp4"),
        ({"video": "text.mp4"}, "text.mp4"),
        ({"video": "cut.mkv"}, "cut.mkv"),
        ({"video": "grey.mkv"}, "No face was found in 5 frames"),
        ({"audio": "missing.wav"}, "missing.wav"),
        ({"audio": "text.wav"}, "text.wav"),
        ({"output": "nowhere/out.mp4"}, "not a folder"),
        ({"output": "out.avi"}, "'.avi'"),
        ({"model": "1.6"}, "weights get 1.6"),
        ({"model": "outputs"}, "latentsync_unet.pt"),
        ({"device": "cuda:9"}, "cuda:9"),
        ({"steps": "0"}, "steps takes a whole number in 1..500, got 0"),
        ({"guidance": "0.5"}, "guidance takes 1.0..10.0, got 0.5"),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(bad_files, capsys, monkeypatch, changes, message):
    monkeypatch.setenv("LATENTSYNC_MODELS", str(bad_files / "outputs"))
    values = {
        "video": "video.mkv",
        "audio": "speech.wav",
        "output": "out.mp4",
        "model": "checkpoint",
    } | changes
    model = values["model"] if values["model"] == "1.6" else str(bad_files / values["model"])
    code = main(
        ["sync", str(bad_files / values["video"]), str(bad_files / values["audio"]),
         str(bad_files / "outputs" / values["output"]), "--model", model, "--device", values.get("device", "cpu"),
         "--steps", values.get("steps", "1"), "--guidance", values.get("guidance", "1")]
    )  # fmt: skip
    error = capsys.readouterr().err
    assert code == 1
    assert error.startswith("error: ") and message in error and "Traceback" not in error
    assert list((bad_files / "outputs").iterdir()) == []


@pytest.mark.parametrize("other", ["video.mkv", "speech.wav"])
def test_inputs_are_never_overwritten(bad_files, capsys, other):
    before = (bad_files / other).read_bytes()
    assert sync(bad_files, bad_files / "video.mkv") == 1
    assert sync(bad_files, bad_files / "outputs" / "out.mkv", "--report", str(bad_files / other)) == 1
    save = [
        "plan",
        str(bad_files / "video.mkv"),
        str(bad_files / "speech.wav"),
        "--save",
        str(bad_files / other),
    ]
    assert main(save) == 1
    assert sync(bad_files, bad_files / "outputs" / "out.mkv", "--report", str(bad_files / "outputs")) == 1
    assert list((bad_files / "outputs").iterdir()) == []
    assert "choose another name" in capsys.readouterr().err
    assert (bad_files / other).read_bytes() == before


def test_silent_speech_is_fine(bad_files):
    """The audio of grey.mkv is 0.1 s of digital silence: the mouth rests, nothing fails."""
    assert sync(bad_files, bad_files / "outputs" / "out.mkv", audio="grey.mkv") == 0


def test_wrong_arguments_exit_with_2(capsys):
    for arguments in (
        ["sync"],
        *(["plan", "a", "b", "--fps", rate] for rate in ("1e99999999", "9" * 5000, "1/0")),
        ["plan", "a", "b", "--preset", "best"],
        ["plan", "a", "b", "--speaker", "nan,2"],
        ["plan", "a", "b", "--speaker", "1,2,3"],
        ["plan", "a", "b", "--sampler", "euler"],
        ["plan", "a", "b", "--overlap", "2.5"],
        ["plan", "a", "b", "--speaker", "middle"],
        ["plan", "a", "b", "--speaker", "1+"],
        ["sync", "a", "b", "c", "--batch", "0"],
    ):
        with pytest.raises(SystemExit) as exit:
            main(arguments)
        assert exit.value.code == 2
    assert "1/0" in capsys.readouterr().err
