"""Dubs: the lines that are laid on a film, as cue sheets name them, and timelines for editors."""

from .clock import FilmClock, parse_range
from .cues import CUE_SUFFIXES, CueSheet, read_cues
from .edit import Edit, EditMark, EditMedia, EditPiece, cut_pieces
from .fit import fit_line, fit_speech
from .patch import PATCH_FORMATS, check_patch, write_patch
from .rows import COLUMNS, LINE_OPTIONS
from .timeline_writing import check_timeline, write_timeline
from .timelines import TIMELINE_SUFFIXES

__all__ = [
    "COLUMNS",
    "CUE_SUFFIXES",
    "LINE_OPTIONS",
    "PATCH_FORMATS",
    "TIMELINE_SUFFIXES",
    "CueSheet",
    "Edit",
    "EditMark",
    "EditMedia",
    "EditPiece",
    "FilmClock",
    "check_patch",
    "check_timeline",
    "cut_pieces",
    "fit_line",
    "fit_speech",
    "parse_range",
    "read_cues",
    "write_patch",
    "write_timeline",
]
