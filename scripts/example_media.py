"""Draw the clips and speak the sentence of example_workflows/media. Needs espeak-ng; the files are committed."""

from fractions import Fraction
from pathlib import Path

import av
import cv2

from latentsync_core import Waveform, open_writer
from latentsync_core.media import cut
from latentsync_lab.synthetic import (
    Identity,
    Motion,
    Person,
    Scene,
    SyntheticClip,
    bundled_speech,
    mono_16k,
    speak,
)

FOLDER = Path(__file__).resolve().parents[1] / "example_workflows" / "media"
FPS = Fraction(25)
CRF = 23
GRAIN = 0.7
"""Less than a camera's: grain is what makes small files large."""
LOUDEST = 0.7
SENTENCE = "Now watch my lips follow these words."


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    hello = cut(bundled_speech("a"), 0, 2.32)
    sentence = bundled_speech("a")
    write(
        "latentsync_person.mp4", make_clip([make_person(7, hello, (160, 144), 112)], (320, 320), hello), hello
    )
    write(
        "latentsync_film.mp4",
        make_clip([make_person(9, sentence, (192, 128), 92)], (384, 288), sentence),
        sentence,
    )
    pair = [make_person(4, hello, (136, 124), 82), make_person(12, silence(hello), (376, 128), 80)]
    write("latentsync_two_people.mp4", make_clip(pair, (512, 288), hello), hello)
    portrait = next(
        iter(make_clip([make_person(10, silence(hello), (160, 150), 112)], (320, 320), hello).read([0]))
    )
    cv2.imwrite(str(FOLDER / "latentsync_portrait.jpg"), portrait[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 92])
    write_flac("latentsync_sentence.flac", speak(SENTENCE, "en-gb+m3", pitch=35))


def make_person(seed, speech, centre, unit):
    return Person(Identity.random(seed), mono_16k(speech), centre, unit, Motion(seed))


def silence(like):
    return Waveform(like.samples * 0, like.sample_rate)


def make_clip(people, size, speech):
    return SyntheticClip(Scene(tuple(people), FPS, round(speech.duration * FPS), size, grain=GRAIN))


def write(name, clip, speech):
    height, width = clip.height, clip.width
    with open_writer(FOLDER / name, height, width, FPS, audio=speech, crf=CRF, preset="veryslow") as writer:
        for time, frame in zip(clip.times, clip.read(range(len(clip.times))), strict=True):
            writer.write(frame, float(time))


def write_flac(name, audio):
    samples = (audio.samples * LOUDEST / abs(audio.samples).max() * 32767).astype("int16")
    with av.open(FOLDER / name, "w") as container:
        stream = container.add_stream("flac", rate=audio.sample_rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate = audio.sample_rate
        container.mux(stream.encode(frame) + stream.encode(None))


if __name__ == "__main__":
    main()
