"""Who was chosen to speak, by what, and how sure that is."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from ..errors import InputError
from .clip import IntArray

Evidence = Literal["asked", "only", "synchrony", "opening", "area", "elsewhere", "nobody", "box"]
"""What a choice rests on."""

_WORDS: dict[str, str] = {
    "asked": "as asked for",
    "only": "nobody else is to be seen",
    "synchrony": "the lips fit the clip's own audio",
    "opening": "the mouth opens with the clip's own audio",
    "area": "the most face area",
    "elsewhere": "speaks in other scenes",
    "nobody": "the speaker is not to be seen",
    "box": "the given box, in every frame, as no face is found in it",
}


@dataclass(frozen=True)
class SceneChoice:
    """Who speaks in one scene."""

    first: int
    """First frame."""
    last: int
    """Last frame."""
    persons: tuple[int, ...]
    """Numbers from 1, as `draw_faces` draws them; several are taken for one person, of whom the first that is seen
    counts; none where the speaker is not in the scene."""
    by: Evidence
    sure: float | None = None
    """0..1: the probability that the choice is right, where it was measured."""

    def __post_init__(self) -> None:
        if self.first > self.last or self.by not in get_args(Evidence) or not 0 <= (self.sure or 0) <= 1:
            raise InputError(
                f"SceneChoice takes first <= last, by one of {', '.join(get_args(Evidence))}, and sure in 0..1, "
                f"got {self}."
            )

    @property
    def reason(self) -> str:
        """Say who speaks and why, for people."""
        if self.by == "box":
            return _WORDS["box"]
        who = f"person {'+'.join(map(str, self.persons))}" if self.persons else "nobody"
        return f"{who}, {_WORDS[self.by]}" + ("" if self.sure is None else f" ({self.sure:.0%} sure)")


@dataclass(frozen=True)
class SpeakerChoice:
    """Who speaks, scene by scene."""

    found: int
    """Persons in the clip."""
    scenes: tuple[SceneChoice, ...]
    """In order; neighbours with the same speaker for the same reason are one."""
    note: str = ""
    """What kept the choice from being surer."""

    def persons_at(self, frame: int) -> tuple[int, ...]:
        """Return the numbers of those who are taken for the speaker in a frame."""
        return next((s.persons for s in self.scenes if s.first <= frame <= s.last), ())

    def who_speaks(self, frames: IntArray) -> str:
        """Say who speaks in some frames and why, for people."""
        first, last = int(frames.min()), int(frames.max())
        shown = [scene for scene in self.scenes if scene.first <= last and scene.last >= first]
        return " and ".join(dict.fromkeys(scene.reason for scene in shown))

    def to_json(self) -> dict[str, Any]:
        """Return the choice, ready for JSON."""
        return {"persons_found": self.found, "scenes": [asdict(s) for s in self.scenes], "note": self.note}

    def __str__(self) -> str:
        """A few lines for people."""
        lines = [f"frames {scene.first}-{scene.last}: {scene.reason}" for scene in self.scenes]
        if len(self.scenes) == 1:
            lines = [self.scenes[0].reason]
        head = f"speaker, of {self.found} found:" if self.found > 1 else "speaker:"
        return "\n  ".join([f"{head} {lines[0]}", *lines[1:], *([self.note] if self.note else [])])
