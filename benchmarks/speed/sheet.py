"""Every preset side by side, four times as large as the network paints: what the error's decibels look like."""

from pathlib import Path

import cv2
import numpy as np

from latentsync_lab.images import telling_moments

from .error import REFERENCE, Judge, Sampled, Scene
from .presets import WAYS

FOLDER = Path("output/presets")
ENLARGED, MOMENTS, MARGIN = 4, 4, 28
"""How many times as large; moments a person; height of the line with names, in pixels."""


def write_sheets(folder: Path = FOLDER) -> list[Path]:
    """Write a sheet for each person: a row a moment, a column a way, before them 50 steps and after them the truth."""
    judge = Judge()
    made = {"50 steps": judge.sample(REFERENCE)} | {name: judge.sample(way) for name, way in WAYS.items()}
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, scene in enumerate(judge.scenes):
        sheet = draw_sheet(scene, {name: person[number] for name, person in made.items()})
        paths.append(folder / f"presets-{number}.png")
        cv2.imwrite(str(paths[-1]), sheet[..., ::-1])
    return paths


def draw_sheet(scene: Scene, made: dict[str, Sampled]) -> np.ndarray:
    """Draw the lower half of the faces, where the mouths are."""
    columns = {name: sampled.pixels for name, sampled in made.items()} | {"truth": scene.true}
    moments = telling_moments(scene.opening, np.zeros_like(scene.opening), MOMENTS)
    strips = []
    for name, pixels in columns.items():
        faces = ((pixels[moments].permute(0, 2, 3, 1).numpy() + 1) * 127.5).round().astype(np.uint8)
        mouths = [face[len(face) // 2 :, len(face) // 5 : -len(face) // 5] for face in faces]
        large = [
            cv2.resize(m, None, fx=ENLARGED, fy=ENLARGED, interpolation=cv2.INTER_NEAREST) for m in mouths
        ]
        title = np.full((MARGIN, large[0].shape[1], 3), 255, np.uint8)
        cv2.putText(title, name, (4, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (0, 0, 0), 1, cv2.LINE_AA)
        strips.append(np.vstack([title, *large]))
    return np.hstack(strips)
