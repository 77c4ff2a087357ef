"""Results that fail: nothing new appears, nothing old is lost, and the message says what to do."""

import errno
import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from media_files import image, make_video, still, write

from latentsync_core.errors import InputError, MediaError, OptionError, OutputError
from latentsync_core.media import FileClip, check_output, open_writer
from latentsync_core.media.movie import MovieWriter

FILM_RATE = Fraction(24000, 1001)


@pytest.mark.parametrize("name", ["r.mp4", "r.mkv", "r"])
@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, MediaError])
def test_a_failure_leaves_nothing_new_and_the_old_result(tmp_path, name, error):
    out = tmp_path / "out"
    out.mkdir()
    if name == "r.mp4":
        (out / name).write_bytes(b"the older result")
    before = sorted(os.listdir(out))
    with pytest.raises(error), open_writer(out / name, 48, 64, Fraction(25)) as writer:
        for k in range(80):
            writer.write(image(k), k / 25)
        assert sorted(os.listdir(out)) != before
        raise error("stop")
    assert sorted(os.listdir(out)) == before
    if before:
        assert (out / name).read_bytes() == b"the older result"


def test_success_replaces_the_older_result(tmp_path):
    (tmp_path / "r.mp4").write_bytes(b"older")
    assert len(FileClip(write(tmp_path / "r.mp4", still(3)))) == 3
    assert os.listdir(tmp_path) == ["r.mp4"]


def test_a_full_disk_is_named_and_nothing_stays(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    for name in ("mux", "finish"):
        with monkeypatch.context() as patch:
            patch.setattr(MovieWriter, {"mux": "_mux", "finish": "finish"}[name], full)
            with pytest.raises(
                OutputError, match=r"r\.mp4 cannot be written: the disk is full; free some space"
            ):
                write(tmp_path / "r.mp4", still(3))
        assert os.listdir(tmp_path) == []


def test_a_write_error_of_the_system_is_reported(tmp_path):
    resource = pytest.importorskip("resource")
    signal = pytest.importorskip("signal")
    noise = list(np.random.default_rng(0).integers(0, 256, (40, 96, 128, 3), np.uint8))
    old, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, old[1]))
    try:
        for name in ("r.mkv", "r.mp4"):
            with pytest.raises(OutputError, match="cannot be written"):
                write(tmp_path / name, noise, crf=1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
        signal.signal(signal.SIGXFSZ, handler)
    assert os.listdir(tmp_path) == []


def test_places_that_cannot_be_written_are_named(tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "note.txt").write_bytes(b"x")
    (tmp_path / "folder.mp4").mkdir()
    for name in ("missing/r.mp4", "file/r.mp4", "used", "folder.mp4", "file"):
        with pytest.raises(OutputError, match=name.split("/")[0]):
            write(tmp_path / name, still(1))
    assert (tmp_path / "used" / "note.txt").exists() and (tmp_path / "file").read_bytes() == b"x"

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(av, "open", refuse)
    with pytest.raises(OutputError, match="permissions"):
        write(tmp_path / "r.mp4", still(1))


@pytest.mark.parametrize("name", ["r.mp4", "r", "empty"])
@pytest.mark.parametrize(
    "number,message", [(errno.EACCES, "permissions"), (errno.EROFS, "read-only"), (errno.ENOSPC, "full")]
)
def test_an_unwritable_folder_is_found_before_the_work(tmp_path, monkeypatch, name, number, message):
    def refuse(*_):
        raise OSError(number, os.strerror(number))

    (tmp_path / "empty").mkdir()
    check_output(tmp_path / name)
    monkeypatch.setattr(Path, "write_bytes", refuse)
    with pytest.raises(OutputError, match=f"{name} cannot be written: .*{message}"):
        check_output(tmp_path / name)
    assert os.listdir(tmp_path) == ["empty"] and not os.listdir(tmp_path / "empty")


@pytest.mark.skipif(not os.path.isdir("/sys/kernel"), reason="no folder that refuses even root")
def test_a_folder_that_refuses_even_root_is_found_before_the_work():
    with pytest.raises(OutputError, match="permissions|read-only"):
        check_output("/sys/kernel/r.mp4")


def test_options_are_checked(tmp_path):
    for name in ("r.webm", "r.xyz"):
        with pytest.raises(OptionError, match=r"\.mp4, \.m4v, \.mov, \.mkv"):
            write(tmp_path / name, still(1))
    with pytest.raises(OptionError, match="crf"):
        write(tmp_path / "r.mp4", still(1), crf=99)
    with (
        pytest.raises(OptionError, match="preset"),
        open_writer(tmp_path / "r.mp4", 4, 4, FILM_RATE, preset="quick"),
    ):
        pass
    with pytest.raises(OptionError, match="pixel_aspect"):
        write(tmp_path / "r.mp4", still(1), pixel_aspect=Fraction(0))


def test_frames_and_times_are_checked(tmp_path):
    cases = [
        ([image(0), image(0)], [0.0, 0.0], "rise"),
        ([image(0, 50)[:48], image(0, 50)], [0.0, 0.1], "shape"),
        ([np.full((48, 64, 3), np.nan)], [0.0], "NaN"),
        ([np.zeros((48, 64, 3), np.int32)], [0.0], "int32"),
    ]
    for frames, times, message in cases:
        with pytest.raises(InputError, match=message):
            write(tmp_path / "r.mp4", frames, times=times)
    for name in ("r.mp4", "r"):
        with pytest.raises(InputError, match="No frame"), open_writer(tmp_path / name, 48, 64, FILM_RATE):
            pass
    assert os.listdir(tmp_path) == []


def test_audio_that_cannot_be_read_is_the_sources_fault(tmp_path):
    for name, audio in (
        ("r.mp4", tmp_path / "missing.wav"),
        ("r", make_video(tmp_path / "mute.mp4", count=2)),
    ):
        with pytest.raises(MediaError, match="does not exist|no audio"):
            write(tmp_path / name, still(1), audio=audio)
    assert os.listdir(tmp_path) == ["mute.mp4"]
