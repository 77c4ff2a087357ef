"""Dubs: the lines that are laid on a film, as cue sheets, timelines and subtitles name them."""

from .clock import FilmClock
from .cues import CUE_SUFFIXES, CueSheet, read_cues
from .fit import fit_speech
from .rows import COLUMNS, LINE_OPTIONS

__all__ = ["COLUMNS", "CUE_SUFFIXES", "LINE_OPTIONS", "CueSheet", "FilmClock", "fit_speech", "read_cues"]
