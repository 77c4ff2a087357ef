"""Find the persons of a clip, and who of them speaks."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from .data import Clip, FaceTrack, Progress, Waveform, own_audio_of
from .errors import MediaError, WeightsMissingError
from .faces import FaceFinder, Speaker, Survey, SurveyStore, choose, join_tracks, place_of, survey
from .metrics.active_speaker import detect_speaker
from .models.syncnet import StableSyncNet
from .weights import find_syncnet, load_syncnet

log = logging.getLogger(__name__)

_NO_AUDIO = "no audio of the clip's own tells who speaks"
_NO_SYNCNET = "the SyncNet of LatentSync 1.6, which tells more of people, is not on this machine"
_PUBLISHED = "1.6"


def find_face(
    clip: Clip,
    speaker: Speaker = "auto",
    *,
    exact: bool = False,
    device: str = "cpu",
    progress: Progress | None = None,
    work: Path | None = None,
) -> FaceTrack:
    """Find the faces and choose one; see `choose_speaker` and `find_faces`.

    exact: "auto" is "largest", as the preset `exact` has it.
    """
    speaker = "largest" if exact and speaker == "auto" else speaker
    found = find_faces(clip, speaker, device=device, progress=progress, work=work)
    return choose_speaker(clip, found, speaker, device=device, progress=progress)


def choose_speaker(
    clip: Clip,
    found: Survey,
    speaker: Speaker = "auto",
    *,
    device: str = "cpu",
    progress: Progress | None = None,
) -> FaceTrack:
    """Choose who speaks: "auto" scene by scene by the clip's own audio, see `detect_speaker`; else as `faces.choose`.

    `FaceTrack.choice` says who was chosen, why, and how sure that is. Raises what `faces.choose` raises.
    """
    chosen = choose(found, speaker)
    if speaker != "auto" or len(found.tracks) < 2 or chosen.choice is None:
        return chosen
    audio = _listen(clip)
    if audio is None:
        return replace(chosen, choice=replace(chosen.choice, note=_NO_AUDIO))
    choice = detect_speaker(clip, found, audio, _load_syncnets(device), progress)
    unsure = any(scene.by in ("opening", "area") for scene in choice.scenes)
    return join_tracks(found, replace(choice, note=_NO_SYNCNET if unsure and not _has_published() else ""))


def find_faces(
    clip: Clip,
    speaker: Speaker = "auto",
    *,
    device: str = "cpu",
    progress: Progress | None = None,
    work: Path | None = None,
) -> Survey:
    """Survey the clip, reading every frame once.

    speaker: at a point or in a box, smaller faces than elsewhere are found. work: a folder that keeps surveys; where it
    has one of the same frames, that is returned instead.
    """
    place = place_of(speaker)
    store = SurveyStore(work, clip, place) if work else None
    found = store.load() if store else None
    if found is None:
        log.info("Looking for faces on %s", device)
        report = None if progress is None else lambda done, total: progress("survey", done, total)
        found = survey(clip, FaceFinder(device), report, place)
        if store:
            store.save(found)
    return found


def _listen(clip: Clip) -> Waveform | None:
    try:
        return own_audio_of(clip)
    except MediaError as exc:  # the result is not made of it
        log.warning("The clip's own audio does not tell who speaks: %s", exc)
        return None


def _load_syncnets(device: str) -> Iterator[StableSyncNet]:
    """Yield the SyncNets that are here: the bundled one for drawn faces, then the published one for people."""
    for source in ("nano", _PUBLISHED):
        with suppress(WeightsMissingError):
            yield load_syncnet(find_syncnet(source)).to(device)


def _has_published() -> bool:
    try:
        find_syncnet(_PUBLISHED)
    except WeightsMissingError:
        return False
    return True
