"""Files for editors: ProRes and DNxHR, timecode, tags, 10 bit and alpha."""

import subprocess
from fractions import Fraction
from shutil import which

import av
import numpy as np
import pytest
from media_files import image, make_audio, tone, write

from latentsync_core.errors import OptionError, OutputError
from latentsync_core.media import (
    ColorTags,
    FileClip,
    Timecode,
    check_output,
    read_audio,
    read_timecode,
)
from latentsync_core.media.formats import EDITOR_FORMATS

NTSC = Fraction(1000, 1001)
SIZE = 128, 256
PROFILES = {
    "prores422hq": ("prores", "HQ", "yuv422p10le"),
    "prores4444": ("prores", "4444", "yuv444p12le"),  # FFmpeg decodes it to 12 bit
    "dnxhr_hqx": ("dnxhd", "DNXHR HQX", "yuv422p10le"),
}
CODES = [(24 * NTSC, "01:00:10:05"), (30 * NTSC, "01:00:00;02"), (30 * NTSC, "00:59:59:29"),
         (Fraction(25), "10:00:00:24"), (Fraction(50), "09:59:59:49"), (60 * NTSC, "01:01:00;04")]  # fmt: skip


def probe(path):
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        # FFmpeg 8.0 does not say of ProRes that its range is limited, which it always is.
        range_ = int(context.color_range) or 1
        tags = [int(context.colorspace), range_, int(context.color_primaries), int(context.color_trc)]
        next(container.decode(video=0))
        return (context.name, context.profile, context.format.name), tags


@pytest.mark.parametrize("name", EDITOR_FORMATS)
def test_codec_profile_depth_and_tags(tmp_path, name):
    bt709 = ColorTags(1, 1, 1, 1)
    frames = [np.full((*SIZE, 3), value, np.uint8) for value in (20, 128, 240)]
    write(tmp_path / "out.mov", frames, format=name, color=bt709)
    assert probe(tmp_path / "out.mov") == (PROFILES[name], [1, 1, 1, 1])
    for frame, expected in zip(FileClip(tmp_path / "out.mov").read(range(3)), frames, strict=True):
        assert np.abs(255 * np.asarray(frame) - expected).max() <= 1


@pytest.mark.parametrize("name", EDITOR_FORMATS)
def test_hdr_tags_are_kept(tmp_path, name):
    write(tmp_path / "out.mov", [image(0, *SIZE)], format=name, color=ColorTags(9, 1, 9, 16))
    assert probe(tmp_path / "out.mov")[1] == [9, 1, 9, 16]


@pytest.mark.parametrize(
    "suffix, name", [*((".mov", name) for name in EDITOR_FORMATS), (".mov", ""), (".mp4", ""), (".mkv", "")]
)
@pytest.mark.parametrize("fps, text", CODES)
def test_timecode_is_written_and_read(tmp_path, suffix, name, fps, text):
    path = tmp_path / f"out{suffix}"
    write(path, [image(k, *SIZE) for k in range(3)], fps, format=name, timecode=Timecode.parse(text, fps))
    assert str(read_timecode(path, fps)) == text
    assert len(FileClip(path)) == 3
    assert suffix == ".mkv" or FileClip(path).fps == fps  # Matroska rounds the times of three frames


def test_a_result_without_timecode_has_none(tmp_path):
    assert read_timecode(write(tmp_path / "out.mov", [image(0, *SIZE)]), Fraction(25)) is None


def test_audio_for_editors_is_pcm_unless_it_can_be_copied(tmp_path):
    frames = [image(k, *SIZE) for k in range(25)]
    flac = make_audio(tmp_path / "say.flac", "flac", tone(1.0, 48000), 48000)
    write(tmp_path / "out.mov", frames, format="prores422hq", audio=flac)
    with av.open(str(tmp_path / "out.mov")) as container:
        assert container.streams.audio[0].codec_context.name == "pcm_s24le"
    np.testing.assert_allclose(
        read_audio(tmp_path / "out.mov").samples, read_audio(flac).samples, atol=2**-15
    )


@pytest.mark.skipif(which("ffprobe") is None, reason="ffprobe is not installed")
def test_ffprobe_agrees(tmp_path):
    write(
        tmp_path / "out.mov", [image(k, *SIZE) for k in range(4)], 24 * NTSC, format="prores4444",
        timecode=Timecode.parse("01:00:10:05", 24 * NTSC), color=ColorTags(1, 1, 1, 1),
    )  # fmt: skip
    entries = "stream=codec_name,profile,avg_frame_rate,nb_frames,color_space,color_primaries,color_transfer:stream_tags=timecode"
    found = subprocess.run(
        ["ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", entries, "-of", "default=nw=1", tmp_path / "out.mov"],
        capture_output=True, text=True, check=True,
    ).stdout.split("\n")  # fmt: skip
    for line in ("codec_name=prores", "profile=4444", "avg_frame_rate=24000/1001", "nb_frames=4", "color_space=bt709",
                 "color_primaries=bt709", "color_transfer=bt709", "TAG:timecode=01:00:10:05"):  # fmt: skip
        assert line in found


def test_what_is_refused(tmp_path):
    with pytest.raises(OptionError, match="format takes prores422hq, prores4444, dnxhr_hqx, got 'prores'"):
        check_output(tmp_path / "out.mov", format="prores")
    for name in ("out.mp4", "out"):
        with pytest.raises(OptionError, match=r"prores4444 is written into \.mov, got"):
            check_output(tmp_path / name, format="prores4444")
    with pytest.raises(OutputError, match="the encoder refuses these settings"):
        write(tmp_path / "small.mov", [image(0, 48, 64)], format="dnxhr_hqx")
    assert not (tmp_path / "small.mov").exists()
