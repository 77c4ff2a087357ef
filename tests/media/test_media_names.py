"""Names that FFmpeg would take for a protocol, a pipe or a series are files."""

import shutil
import sys

import pytest
from media_files import make_audio, make_video, still, tone, write

from latentsync_core.media import FileClip, read_audio

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no colon in names")

NAMES = [
    "12:30",
    "pipe:0",
    "http:x",
    "file:x",
    "concat:a|b",
    "data:,x",
    "subfile,,start,0,end,9,,:x",
    "-",
    "take %d",
]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The working folder: a relative name without a slash is what looks like a protocol."""
    monkeypatch.chdir(tmp_path)
    make_video(tmp_path / "video.mp4", count=5)
    make_audio(tmp_path / "audio.wav", "pcm_s16le", tone(0.2, 16000, 1), 16000)
    return tmp_path


@pytest.mark.parametrize("name", NAMES)
def test_any_name_is_read_and_written(here, name):
    shutil.copy("video.mp4", f"{name}.mp4")
    shutil.copy("audio.wav", f"{name}.wav")
    assert len(list(FileClip(f"{name}.mp4").read(range(5)))) == 5
    assert read_audio(f"{name}.wav").samples.shape == (1, 3200)
    for suffix in (".mkv", ".mov", ""):
        write(f"new {name}{suffix}", still(3), audio=f"{name}.wav")
    write(f"{name}.mkv", still(3), audio=f"{name}.wav")
    assert len(FileClip(f"{name}.mkv")) == 3 and read_audio(f"{name}.mkv").duration >= 0.12
