"""Every codec out of every container into every result: copied or encoded, decided before the first frame."""

import struct
from fractions import Fraction

import av
import numpy as np
import pytest
from media_files import make_audio, still, tone

from latentsync_core.data import Waveform
from latentsync_core.errors import OutputError
from latentsync_core.media import open_writer, read_audio

RESULTS = ("r.mp4", "r.mov", "r.mkv", "r")
CONTAINERS = ("caf", "matroska", "nut", "mov", "wav", "asf")
CODECS = ("aac", "ac3", "adpcm_ima_wav", "alac", "eac3", "flac", "g722", "libmp3lame", "libopus", "mp2", "nellymoser",
          "pcm_alaw", "pcm_f32le", "pcm_f64be", "pcm_mulaw", "pcm_s16be", "pcm_s16le", "pcm_s24le", "pcm_s32le",
          "pcm_u8", "tta", "wavpack")  # fmt: skip


def audio_file(path, codec, container):
    """0.4 s of a codec in a container, at a rate that the codec takes; None where FFmpeg does not write the pair."""
    for rate, channels in ((48000, 2), (16000, 1)):
        try:
            make_audio(path, codec, tone(0.4, rate, channels), rate, container)
            with av.open(str(path)) as made:
                if sum(frame.samples for frame in made.decode(audio=0)) > 0.3 * rate:
                    return path
        except (av.FFmpegError, ValueError, OverflowError, IndexError):
            continue
    return None


def opus_in_caf(path):
    """A CAF as other programs write it and FFmpeg only reads: Opus packets of 20 ms, without a codec header."""
    made = make_audio(path.with_suffix(".ogg"), "libopus", tone(0.4, 48000, 1), 48000)
    with av.open(str(made)) as container:
        packets = [bytes(packet) for packet in container.demux(audio=0) if packet.size]
    sizes = b"".join(
        bytes([128 | size >> 7, size & 127] if size > 127 else [size]) for size in map(len, packets)
    )
    chunks = {
        b"desc": struct.pack(">d4s5I", 48000, b"opus", 0, 0, 960, 1, 0),
        b"pakt": struct.pack(">qqii", len(packets), 960 * len(packets), 0, 0) + sizes,
        b"data": bytes(4) + b"".join(packets),
    }
    body = b"".join(name + struct.pack(">q", len(content)) + content for name, content in chunks.items())
    path.write_bytes(b"caff" + struct.pack(">HH", 1, 0) + body)
    return path


def result_of(audio, path):
    """Write four frames with the audio; what goes wrong after the writer is open went wrong too late."""
    with open_writer(path, 48, 64, Fraction(10), audio=audio, preset="ultrafast") as writer:
        for number, frame in enumerate(still(4)):
            try:
                writer.write(frame, number / 10)
            except OutputError as exc:
                pytest.fail(f"{audio} into {path.name} fails in the midst of the work: {exc}")
    return path if path.is_file() else next(path.glob("audio*"))


def likeness(result, source):
    """Correlation of 0.3 s of two signals, shifted by up to a millisecond: containers round times."""
    at = np.arange(round(0.3 * source.sample_rate)) * result.sample_rate / source.sample_rate
    made = np.interp(at, np.arange(result.samples.shape[1]), result.samples[0])
    most = source.sample_rate // 1000
    shifts = [np.roll(made, shift) for shift in range(-most, most + 1, most // 6)]
    return np.corrcoef([source.samples[0, : len(at)], *shifts])[0, 1:].max()


def check_all_results(source, folder):
    given = read_audio(source)
    for name in RESULTS:
        made = read_audio(result_of(source, folder / name))
        assert len(made.samples) == len(given.samples), (source.name, name)
        assert likeness(made, given) > 0.98, (source.name, name)


@pytest.mark.parametrize("codec", [codec for codec in CODECS if codec in av.codecs_available])
def test_every_pair_gives_a_result_with_its_audio(tmp_path, codec):
    sources = [audio_file(tmp_path / f"source.{name}", codec, name) for name in CONTAINERS]
    assert any(sources)
    for source in filter(None, sources):
        folder = tmp_path / f"of {source.suffix}"
        folder.mkdir()
        check_all_results(source, folder)


def test_opus_without_a_header_is_encoded(tmp_path):
    source = opus_in_caf(tmp_path / "voice.caf")
    check_all_results(source, tmp_path)
    with av.open(str(tmp_path / "r.mp4")) as container:
        assert container.streams.audio[0].codec_context.name == "aac"


def test_opus_in_ogg_is_copied(tmp_path):
    source = make_audio(tmp_path / "voice.ogg", "libopus", tone(0.4, 48000, 1), 48000)
    for name in ("r.mp4", "r.mkv"):
        with av.open(str(result_of(source, tmp_path / name))) as container:
            assert container.streams.audio[0].codec_context.name == "opus"


def test_channels_that_change_on_the_way_are_not_copied(tmp_path):
    parts = [make_audio(tmp_path / f"{n}.aac", "aac", tone(0.4, 48000, n), 48000) for n in (1, 2)]
    both = tmp_path / "both.aac"
    both.write_bytes(b"".join(part.read_bytes() for part in parts))
    with av.open(str(result_of(both, tmp_path / "r.mp4"))) as container:
        kinds = {frame.layout.name for frame in container.decode(audio=0)}
        assert len(kinds) == 1


@pytest.mark.parametrize("name", ["r.mp4", "r.mkv"])
def test_a_size_that_the_encoder_refuses_is_found_before_the_first_frame(tmp_path, name):
    with pytest.raises(OutputError), open_writer(tmp_path / name, 4, 2**20, Fraction(25)):
        pytest.fail("the writer opened")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", RESULTS)
def test_more_channels_than_the_encoder_holds_are_mixed(tmp_path, name, caplog):
    audio = Waveform(np.concatenate([tone(0.4, 48000, 1)] * 16), 48000)
    made = read_audio(result_of(audio, tmp_path / name))
    assert len(made.samples) == (16 if name == "r" else 1)
    assert likeness(made, audio) > 0.98
    assert ("mixed to one" in caplog.text) == (name != "r")
