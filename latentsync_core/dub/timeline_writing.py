"""Write timelines that editors open."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..errors import OptionError, OutputError
from ..partial import replacing
from .edit import Edit, EditMedia
from .edl_writing import format_edl
from .fcpxml_writing import format_fcpxml
from .otio_reading import OTIO_ADAPTERS
from .timelines import TIMELINE_SUFFIXES


def write_timeline(path: Path, edit: Edit) -> None:
    """Write a timeline by the suffix of its name: .edl, .fcpxml, and with the extra `otio` .otio and FCP 7's .xml.

    Raises OptionError on another suffix and without the extra, OutputError where it cannot be written.
    """
    check_timeline(path)
    content = _format(edit, path.suffix.lower())
    try:
        with replacing(path) as partial:
            partial.write_text(content, "utf-8", newline="\n")
    except OSError as exc:
        raise OutputError(f"{path} cannot be written: {exc.strerror}.") from exc


def check_timeline(path: Path) -> None:
    """Raise OptionError before any work where a timeline could not be written in the format of its suffix."""
    suffix = path.suffix.lower()
    if suffix not in TIMELINE_SUFFIXES:
        raise OptionError(f"A timeline ends in {', '.join(TIMELINE_SUFFIXES)}; got {path.name}.")
    if suffix in (".otio", ".xml") and find_spec("opentimelineio") is None:
        raise OptionError(
            f"{path.name} needs OpenTimelineIO: pip install 'latentsync-native[otio]'; .edl and .fcpxml do without."
        )


def _format(edit: Edit, suffix: str) -> str:
    if suffix == ".edl":
        return format_edl(edit)
    if suffix == ".fcpxml":
        return format_fcpxml(edit)
    import opentimelineio as otio

    return str(otio.adapters.write_to_string(_build(otio, edit), OTIO_ADAPTERS[suffix]))


def _build(otio: Any, edit: Edit) -> Any:
    """Return the timeline of OpenTimelineIO, whose module is `otio`."""
    film = edit.film
    timeline = otio.schema.Timeline(edit.name, global_start_time=_time(otio, film, film.first.frames))
    timeline.metadata["fcp_xml"] = _describe_sequence(film)
    tracks = [otio.schema.Track("V1", kind="Video")]
    tracks[0].append(_clip(otio, film.path.name, film, 0, film.frames))
    if edit.reel is not None:
        tracks.append(otio.schema.Track("V2", kind="Video"))
        ends = [0, *(piece.end for piece in edit.pieces)]
        for piece, end in zip(edit.pieces, ends, strict=False):
            if piece.at > end:
                tracks[1].append(otio.schema.Gap(duration=_time(otio, film, piece.at - end)))
            tracks[1].append(_clip(otio, piece.name, edit.reel, piece.first, piece.frames))
    if film.has_audio:
        tracks.append(otio.schema.Track("A1", kind="Audio"))
        audio = _clip(otio, film.path.name, film, 0, film.frames)
        # Without it FCP 7's adapter would take the clip for the one on the video track, and only refer to that.
        audio.metadata["fcp_xml"] = {"sourcetrack": {"mediatype": "audio", "trackindex": "1"}}
        tracks[-1].append(audio)
    timeline.tracks.extend(tracks)
    timeline.tracks.markers.extend(
        otio.schema.Marker(mark.name, _span(otio, film, mark.at, mark.frames), mark.color)
        for mark in edit.marks
    )
    return timeline


def _clip(otio: Any, name: str, media: EditMedia, first: int, frames: int) -> Any:
    start = media.first.frames
    reference = otio.schema.ExternalReference(
        media.path.absolute().as_uri(), _span(otio, media, start, media.frames), _describe_timecode(media)
    )
    reference.name = media.path.name
    return otio.schema.Clip(name, reference, _span(otio, media, start + first, frames))


def _span(otio: Any, media: EditMedia, start: int, frames: int) -> Any:
    return otio.opentime.TimeRange(_time(otio, media, start), _time(otio, media, frames))


def _time(otio: Any, media: EditMedia, frames: int) -> Any:
    return otio.opentime.RationalTime(frames, float(media.first.fps))


def _describe_timecode(media: EditMedia) -> dict[str, Any]:
    """Return what only Final Cut Pro 7's XML says: how timecode is shown."""
    return {"fcp_xml": {"timecode": {"displayformat": "DF" if media.first.drop else "NDF"}}}


def _describe_sequence(film: EditMedia) -> dict[str, Any]:
    """Return how Final Cut Pro 7's XML describes the frames of a timeline, without which Premiere guesses."""
    fps, (height, width) = film.first.fps, film.size
    rate = {"timebase": str(round(fps)), "ntsc": "TRUE" if fps.denominator > 1 else "FALSE"}
    frames = {"rate": rate, "width": str(width), "height": str(height), "pixelaspectratio": "square"}
    return _describe_timecode(film)["fcp_xml"] | {
        "media": {"video": {"format": {"samplecharacteristics": frames}}}
    }
