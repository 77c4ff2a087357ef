"""A dub is rendered in one pass: each mouth follows its own line, and other frames are the film's own."""

import math
from dataclasses import replace

import numpy as np
import pytest
from support.films import SHIFT, film_of, survey_of
from support.runs import FAST, speech_of
from support.tiny import golden_pipeline_models

from latentsync_core import Options, lip_sync, render
from latentsync_core.data import Line
from latentsync_core.errors import CueError
from latentsync_core.pipeline import make_mouths, paste_mouths, plan_dub

COUNT = 30
ONE = Line(speech_of(0.6), start=0.2, name="1", speaker=1)
TWO = Line(speech_of(0.5), start=0.4, name="2", speaker=2)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return golden_pipeline_models(tmp_path_factory.mktemp("tiny"))


def dub_of(models, *lines, **options):
    return plan_dub(film_of(COUNT), lines, Options(**FAST | options), survey_of(COUNT), models=models)


def changed(line):
    return line.first + np.flatnonzero(line.plan.strength > 0)


def film():
    return np.stack(list(film_of(COUNT).read(range(COUNT))))


def frames_of(models, *lines, **more):
    return np.stack(list(render(dub_of(models, *lines), models, **more)))


def test_two_lines_at_once_are_what_each_is_alone_and_the_rest_is_the_films(models):
    both, source = frames_of(models, ONE, TWO), film()
    middle = round(SHIFT / 2 + 95)
    for line, columns in ((ONE, slice(0, middle)), (TWO, slice(middle, None))):
        alone = frames_of(models, line)
        assert (both[:, :, columns] == alone[:, :, columns]).all()
        assert (alone != source).any() and (alone[:, :, columns] != source[:, :, columns]).any()
        first, last = round(line.start * 25), math.ceil((line.start + line.audio.duration) * 25)
        assert (alone[:first] == source[:first]).all() and (alone[last:] == source[last:]).all()


def test_every_frame_is_read_once_whatever_the_number_of_lines(models):
    dub, shown = dub_of(models, ONE, TWO, Line(speech_of(0.3), start=0.9, name="3", speaker=1)), []

    class Counted:
        def __getattr__(self, name):
            return getattr(dub.clip, name)

        def read(self, indices):
            for index, frame in zip(indices, dub.clip.read(indices), strict=True):
                shown.append(index)
                yield frame

    assert len(list(render(replace(dub, clip=Counted()), models))) == COUNT
    assert shown == list(range(COUNT)) and len(dub.lines) == 3


def test_a_dub_of_one_line_over_the_whole_film_is_a_lip_sync(models):
    speech = speech_of(COUNT / 25)
    dubbed = frames_of(models, Line(speech, speaker=1))
    synced = lip_sync(
        film_of(COUNT), speech, models, Options(length="silence", **FAST), survey_of(COUNT).tracks[0]
    )
    assert (dubbed == np.stack(list(synced))).all()


def test_masks_are_those_of_all_lines_together(models):
    masks, apart = [], []
    frames_of(models, ONE, TWO, masks=masks.append)
    for line in (ONE, TWO):
        apart.append([])
        frames_of(models, line, masks=apart[-1].append)
    together = 1 - (1 - np.stack(apart[0])) * (1 - np.stack(apart[1]))
    assert np.abs(np.stack(masks) - together).max() < 1e-6


def test_a_retake_denoises_the_windows_of_its_own_line_alone(models, tmp_path):
    def count_steps(*lines):
        seen = []
        frames_of(
            models, *lines, work=tmp_path, progress=lambda stage, done, total: seen.append((stage, total))
        )
        return [total for stage, total in seen if stage == "resync"][-1] // FAST["steps"]

    first = count_steps(ONE, TWO)
    dub = dub_of(models, ONE, TWO)
    assert first == dub.windows and count_steps(ONE, TWO) == 0
    again = Line(TWO.audio, start=TWO.start, name="2", speaker=2, options={"seed": 3})
    assert count_steps(ONE, again) == len(dub.lines[1].plan.windows)


def test_mouths_that_were_made_apart_give_the_same_frames(models):
    dub, masks, apart = dub_of(models, ONE, TWO), [], []
    mouths = list(make_mouths(dub, models))
    assert [sorted(new) for new in mouths] == [
        [n for n, line in enumerate(dub.lines) if i in changed(line)] for i in range(COUNT)
    ]
    pasted = np.stack(list(paste_mouths(dub, mouths, masks=apart.append)))
    assert (pasted == frames_of(models, ONE, TWO, masks=masks.append)).all()
    assert (np.stack(apart) == np.stack(masks)).all()


@pytest.mark.parametrize("factor", [2, 4])
def test_mouths_of_another_resolution_lie_where_they_lay(models, factor):
    dub, source = dub_of(models, ONE, TWO, grain=False), film().astype(int)

    def paste_ramps(side):
        """Paste a mouth that rises from left to right, which is the same at any resolution."""
        row = (np.arange(side) + 0.5) * 255 / side
        ramp = np.broadcast_to(row[:, None].astype(np.float32), (side, side, 3)).copy()
        shown = [dict.fromkeys(numbers, ramp) for numbers in dub.find_lines()]
        masks = []
        return np.stack(list(paste_mouths(dub, shown, masks=masks.append))).astype(int), np.stack(masks) > 0

    (plain, mouth), (other, same) = (paste_ramps(side) for side in (64, 64 * factor))
    assert (other[~same] == source[~same]).all()
    assert np.abs(other - plain)[mouth].mean() < 0.06 * np.abs(plain - source)[mouth].mean()


def test_mouths_are_one_item_for_each_frame(models):
    with pytest.raises(ValueError, match="shorter"):
        list(paste_mouths(dub_of(models, ONE), [{}] * (COUNT - 1)))


def test_a_plan_with_problems_is_not_rendered(models):
    dub = dub_of(models, ONE, Line(speech_of(1), name="x", start=50))
    with pytest.raises(CueError, match=r"line x: The film, of 1.200 seconds, shows no frame"):
        next(render(dub, models))
