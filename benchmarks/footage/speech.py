"""Measure which pauses of speech are found, and how far its tokens step where windows of the encoder change.

Recordings as they are and with noise over them; what is a pause is read off the clean sound: below -35 dB of its
loud parts for at least 0.3 s. False is what is taken for a pause although it is spoken: within 30 dB of the loud parts.
Tokens are those of the encoder of `--model`, by default nano's, of 75 s of the first recording.

    python benchmarks/footage/speech.py MEDIA_FOLDER [--model NAME]
"""

import argparse
from pathlib import Path

import numpy as np
import torch

from latentsync_core import load_models, read_audio
from latentsync_core.media import to_mono_16k
from latentsync_core.speech import detect_speech, encode
from latentsync_lab.synthetic import bundled_speech, mono_16k

RECORDINGS = ("speech.wav", "demo1.wav", "demo3.wav", "mt_eng.wav")
RATE, HOP = 16_000, 160
PLACES = (25, 30, 45, 60, 65)
"""Seconds: our windows change at 25, 45, 65 and upstream's at 30, 60."""


def main():
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("media", type=Path, help="the folder with the recordings")
    parser.add_argument("--model", default="nano", help="whose encoder is measured")
    args = parser.parse_args()
    sounds = {name: to_mono_16k(read_audio(args.media / name)) for name in RECORDINGS}
    sounds["2 s pause"] = np.concatenate(
        [sounds["speech.wav"][: 3 * RATE], np.zeros(2 * RATE, np.float32)] * 2
    )
    a, b = (mono_16k(bundled_speech(name)) for name in "ab")
    gaps = [np.zeros(round(seconds * RATE), np.float32) for seconds in (1, 2, 0.5)]
    sounds["drawn"] = np.concatenate([a, gaps[0], b, gaps[1], a, gaps[2], b])
    for snr in (None, 30, 20, 10):
        print_pauses(sounds, snr)
    print_steps(load_models(args.model, device="cpu").whisper, np.tile(sounds["speech.wav"], 5)[: 75 * RATE])


def print_pauses(sounds, snr):
    total = np.zeros(4)
    for name, clean in sounds.items():
        counts = np.sum([count(clean, kind, snr) for kind in ("white", "pink", "brown")], 0)
        found, false = counts[0] / max(1, counts[1]), counts[2] / counts[3]
        kind = "clean" if snr is None else f"noise at {snr} dB"
        print(
            f"{kind:15s} {name:11s} {counts[1] / 300:5.2f} s of pauses, found {found:.2f}, false {false:.3f}"
        )
        total += counts
    print(f"{kind:15s} all         found {total[0] / total[1]:.3f}, false {total[2] / total[3]:.4f}")


def count(clean, kind, snr):
    """Return hops: of pauses found, of pauses, of speech taken for a pause, of speech."""
    clean = clean[: len(clean) // HOP * HOP]
    level = 10 * np.log10(np.square(clean.reshape(-1, HOP), dtype=np.float64).mean(1) + 1e-12)
    level -= np.percentile(level, 95)
    pause, spoken = is_pause(level), level > -30
    sound = clean if snr is None else clean + noise(kind, clean, pause) * 10 ** (-snr / 20)
    silent = ~detect_speech(sound.astype(np.float32), (np.arange(len(level)) + 0.5) * HOP / RATE)
    return np.array([(silent & pause).sum(), pause.sum(), (silent & spoken).sum(), spoken.sum()])


def is_pause(level):
    quiet, pause = level < -35, np.zeros(len(level), bool)
    for first, end in np.flatnonzero(np.diff(quiet, prepend=False, append=False)).reshape(-1, 2):
        pause[first:end] = end - first >= 30
    return pause


def noise(kind, clean, pause):
    """Noise as loud as the speech, whose spectrum falls by 0, 3 or 6 dB an octave."""
    spectrum = np.fft.rfft(np.random.default_rng(0).standard_normal(len(clean)))
    bins = np.maximum(np.arange(len(spectrum)), 30 * len(clean) // RATE)
    made = np.fft.irfft(spectrum / bins ** {"white": 0, "pink": 0.5, "brown": 1}[kind], len(clean))
    return made / made.std() * np.sqrt(np.square(clean.reshape(-1, HOP)[~pause]).mean())


def print_steps(whisper, samples):
    for name, seams in (("ours", False), ("upstream's", True)):
        rows = encode(whisper, samples, seams=seams).rows
        step = np.linalg.norm(np.diff(rows.reshape(len(rows), -1), axis=0), axis=1)
        at = ", ".join(f"{place} s {step[place * 50 - 1]:.1f}" for place in PLACES)
        print(f"step of the tokens, {name} windows: {at}; median {np.median(step):.1f}")


if __name__ == "__main__":
    main()
