"""A dub is planned line by line: whose mouth, which frames, and what is wrong."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.films import SHIFT, SIZE, film_of, survey_of
from support.runs import POINTS, speech_of

from latentsync_core import Options, TensorClip
from latentsync_core.data import SPEECH_RATE, Line
from latentsync_core.dub import fit
from latentsync_core.errors import InputError, OptionError
from latentsync_core.media import place_lines
from latentsync_core.pipeline import plan_dub

COUNT = 60


def plan(*lines, count=COUNT, missing=(), **options):
    return plan_dub(film_of(count), lines, Options(**options), survey_of(count, missing))


def changed(line):
    """The output frames of the film that a line changes."""
    return line.first + np.flatnonzero(line.plan.strength > 0)


def test_a_line_changes_the_frames_in_which_it_is_heard_and_no_other():
    dub = plan(Line(speech_of(0.8), start=0.4, speaker=2))
    (line,) = dub.lines
    assert changed(line).tolist() == list(range(10, 30)) and dub.changed.sum() == 20
    assert line.plan.speech_start == pytest.approx(line.first / 25 - 0.4)
    assert np.nanmean(line.track.points[..., 0]) == pytest.approx(POINTS[:, 0].mean() + SHIFT)
    assert dub.problems == () and len(dub) == COUNT


@settings(max_examples=25, deadline=None)
@given(
    start=st.floats(0, 2.3),
    seconds=st.floats(0.05, 3),
    fps=st.sampled_from([24, 25, 30, 50]),
    size=st.integers(0, 8),
)
def test_windows_lie_within_the_film_and_weigh_in_the_lines_frames_alone(start, seconds, fps, size):
    dub = plan_dub(
        film_of(COUNT, fps), [Line(speech_of(seconds), start=start)], Options(overlap=size), survey_of(COUNT)
    )
    for line in dub.lines:
        asked = np.flatnonzero((dub.times >= start - 1e-6) & (dub.times < start + seconds - 1e-6))
        assert set(changed(line)) == set(asked)
        for window in line.plan.windows:
            assert 0 <= line.first + window.frames[0] and line.first + window.frames[-1] < COUNT
            assert set(line.first + window.frames[window.weights > 0]) <= set(asked)
    assert dub.lines or "shows no frame" in str(dub.problems[0])


def test_two_persons_may_speak_at_once():
    dub = plan(
        Line(speech_of(1.2), start=0.2, speaker=1), Line(speech_of(1.2), start=0.4, name="2", speaker=2)
    )
    one, two = dub.lines
    assert changed(one).tolist() == list(range(5, 35)) and changed(two).tolist() == list(range(10, 40))
    assert (np.abs(one.matrices[0] - two.matrices[0]) > 1).any()


def test_of_two_lines_on_one_mouth_the_later_one_has_it():
    early, late = Line(speech_of(2.0), speaker=1), Line(speech_of(1.0), name="2", start=0.8, speaker="left")
    for given_ in ((early, late), (late, early)):
        one, two = plan(*given_).lines
        assert changed(two).tolist() == list(range(20, 45))
        assert changed(one).tolist() == [*range(26), *range(45, 50)]


def test_no_frame_between_two_lines_that_touch_shows_the_films_lips():
    one, two = plan(Line(speech_of(0.8)), Line(speech_of(0.8), name="2", start=0.8)).lines
    through = np.ones(COUNT)
    for line in (one, two):
        through[line.first : line.last] *= 1 - line.plan.strength
    assert through[3:37].max() < 0.26 and (through[40:] == 1).all()


def test_speech_is_fitted_once_and_the_mouth_and_the_sound_are_of_the_fitted_one(monkeypatch):
    made, fit_one = [], fit.fit_speech
    monkeypatch.setattr(fit, "fit_speech", lambda *given: made.append(fit_one(*given)) or made[-1])
    dub = plan(
        Line(speech_of(1.0), start=0.4, end=1.48, fit=True, audio_out=1.0),
        Line(speech_of(0.6), start=0.2, end=0.84, fit=True, name="2", strength=0.0),
        Line(speech_of(0.6), start=0.2, end=1.4, fit=True, name="3", speaker=2),
        Line(speech_of(0.6), start=1.6, end=1.9, name="4", speaker=2),
    )
    assert dub.problems == () and len(made) == 3
    one, _, four = (next(line for line in dub.lines if line.name == name) for name in "134")
    assert changed(one).tolist() == list(range(10, 37)) and changed(four).tolist() == list(range(40, 55))
    assert [line.audio.duration for line in dub.heard] == pytest.approx([1.08, 0.64, 0.6, 0.6])
    assert len(one.samples) == round(1.08 * SPEECH_RATE)
    sound = np.concatenate(list(place_lines(None, dub.heard[:1]).read()), axis=1)
    assert (sound[:, 8000:20000] == made[0][0].samples[:, 1600:13600]).all()
    assert [note.split(";")[0] for note in dub.notes] == [
        "line 1: the speech is fitted from 1.00 to 1.08 s: speech 7.4% slower.",
        "line 2: the speech is fitted from 0.60 to 0.64 s: speech 6.2% slower.",
        "line 3: the speech lasts 0.60 s and its place 1.20 s",
    ]


def test_to_fit_a_line_takes_its_place_and_lines_are_placed_fitted():
    with pytest.raises(InputError, match="fit takes an end"):
        Line(speech_of(1), fit=True)
    with pytest.raises(InputError, match=r"lines 1 are to be fitted first; place DubPlan\.heard"):
        place_lines(None, [Line(speech_of(1), end=1.1, fit=True)])


def test_strength_scales_the_alpha_and_none_at_all_plans_nothing():
    half, none = (plan(Line(speech_of(1.0), strength=value)) for value in (0.5, 0.0))
    assert half.lines[0].plan.strength.max() == 0.5
    assert none.lines == () and none.problems == () and not none.changed.any()


def test_a_line_may_change_options_and_others_keep_theirs():
    one, two = plan(
        Line(speech_of(1), options={"seed": 7}), Line(speech_of(1), name="2", start=1.2), seed=3
    ).lines
    assert (one.options.seed, two.options.seed) == (7, 3)


def test_a_place_names_the_person_who_is_there_at_the_time():
    x, y = POINTS.mean(0)
    for place in ((x + SHIFT, y), (x + SHIFT - 40, y - 40, x + SHIFT + 40, y + 60)):
        (line,) = plan(Line(speech_of(1), speaker=place, speaker_at=1.0)).lines
        assert np.nanmean(line.track.points[..., 0]) == pytest.approx(POINTS[:, 0].mean() + SHIFT)


def test_a_face_of_the_film_may_say_a_line():
    face = survey_of(COUNT).tracks[1]
    (line,) = plan(Line(speech_of(1), speaker=face)).lines
    assert (line.track.points == face.points).all()
    strange = replace(face, points=face.points[:20], scores=face.scores[:20])
    assert "20 frames" in str(plan(Line(speech_of(1), speaker=strange)).problems[0])


def test_masks_of_a_line_are_a_file_or_a_clip(tmp_path):
    white = np.full((1, *SIZE, 3), 255, np.uint8)
    cv2.imwrite(str(tmp_path / "mask.png"), white[0])
    for masks in (TensorClip(white, 25), tmp_path / "mask.png"):
        (line,) = plan(Line(speech_of(1), protect=masks)).lines
        assert line.options.covered == "ignore" and (next(iter(line.protect.read([0]))) == 255).all()
    small = plan(Line(speech_of(1), protect=TensorClip(white[:, :50], 25)))
    assert "masks have" in str(small.problems[0])


def test_every_line_with_a_problem_is_named_and_the_others_are_planned(tmp_path):
    x, y = POINTS.mean(0)
    dub = plan(
        Line(speech_of(0.4), name="1"),
        Line(tmp_path / "none.wav", name="2"),
        Line(speech_of(0.4), name="3", speaker=5),
        Line(speech_of(0.4), name="4", start=99),
        Line(speech_of(0.4), name="5", start=0.8, speaker=2),
        Line(speech_of(0.4), name="6", start=1.6, speaker=(x + SHIFT, y)),
        Line(speech_of(0.4), name="7", start=1.6, options={"steps": -1}),
        missing=range(20, 60),
    )  # fmt: skip
    assert [(line.name) for line in dub.lines] == ["1"]
    assert [problem.name for problem in dub.problems] == ["2", "3", "4", "6", "7", "5"]
    words = [
        "none.wav",
        "Face 5 was asked for; 2 found",
        "shows no frame from second 99",
        "No face is at the point",
        "steps takes",
        "frames shows the face",
    ]
    for problem, part in zip(dub.problems, words, strict=True):
        assert part in str(problem)


def test_exact_is_for_one_speech_over_a_whole_clip():
    with pytest.raises(OptionError, match="exact does one speech"):
        plan(Line(speech_of(1)), exact=True)
    assert "exact does one speech" in str(plan(Line(speech_of(1), options={"exact": True})).problems[0])
