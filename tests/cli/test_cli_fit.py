"""`--fit`: the speech of a lip-sync lasts as long as the video, where its pauses and tempo reach that."""

import json

import av
import pytest
from support.sounds import write_wav

from latentsync_core import FileClip, read_audio
from latentsync_core.cli import main
from latentsync_lab.synthetic import bundled_speech


def packets(path):
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


def test_speech_is_fitted_to_the_video(files, tmp_path, capsys):
    def sync(name, *arguments):
        given = [files / "video.mkv", tmp_path / f"{name}.wav", tmp_path / f"{name}.mkv", *arguments]
        return main(["sync", *map(str, given), "--fit", "--model", str(files / "checkpoint"), "--steps", "1"])

    for name, last in (("near", 19400), ("far", 14000)):
        write_wav(tmp_path / f"{name}.wav", bundled_speech("b").samples[0, 8000:last])
    report, note = tmp_path / "report.json", "the speech is fitted from 0.71 to 0.80 s: "
    assert sync("near", "--report", report) == 0
    assert note in capsys.readouterr().out and json.loads(report.read_text())["fit"].startswith(note)
    assert len(FileClip(tmp_path / "near.mkv")) == 20
    assert read_audio(tmp_path / "near.mkv").duration == pytest.approx(0.8, abs=1e-3)
    assert sync("far") == 0
    assert "so it stays as it is" in capsys.readouterr().out
    assert packets(tmp_path / "far.mkv") == packets(tmp_path / "far.wav")
    assert main(["plan", str(files / "video.mkv"), str(tmp_path / "far.wav"), "--fit"]) == 0
    assert capsys.readouterr().out.startswith("the speech lasts 0.38 s and its place 0.80 s")
