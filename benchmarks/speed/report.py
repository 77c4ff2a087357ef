"""What was measured, as JSON beside the machine that it was measured on, as plots, and as the README's table."""

import json
from datetime import date
from pathlib import Path

from latentsync_core.partial import replacing

from .machine import describe_machine

ROOT = Path(__file__).resolve().parents[2]
RESULTS, README = ROOT / "benchmarks" / "results", ROOT / "README.md"
FIGURES = RESULTS / "speed.json"
BEGIN, END = "<!-- written by `python dev.py bench presets` -->", "<!-- end of what it writes -->"


def save(part: str, figures: object, folder: Path = RESULTS) -> None:
    """Put one part's figures into the JSON, with machine and day."""
    path = folder / FIGURES.name
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    known[part] = {"machine": describe_machine(), "day": date.today().isoformat(), "figures": figures}
    folder.mkdir(parents=True, exist_ok=True)
    with replacing(path) as unfinished:
        unfinished.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")


def load(part: str) -> dict[str, dict]:
    """Return one part's figures."""
    return json.loads(FIGURES.read_text(encoding="utf-8"))[part]["figures"]


def format_table(head: list[str], rows: list[list[str]]) -> str:
    """Return a table in Markdown."""
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, ["---"] * len(head), *rows))


def format_presets(rows: dict[str, dict]) -> str:
    """Return the README's table of presets."""
    head = ["", "sampling", "overlap", "work at 256 and 512 px", "time of `nano`", "error of `nano`"]
    return format_table(
        head, [[f"`{name}`" if "," not in name else name, *_cells(row)] for name, row in rows.items()]
    )


def _cells(row: dict) -> list[str]:
    reuse = f", one in {row['reuse']} whole" if row["reuse"] > 1 else ""
    guided = f", the last {row['guided']:.0%} guided" if row["guided"] < 1 else ""
    return [
        f"{row['sampler']}, {row['steps']} steps{reuse}{guided}",
        str(row["overlap"]),
        f"{row['work 256']:.2f}, {row['work 512']:.2f}",
        f"{row['time']:.2f}",
        f"{row['least psnr']:.1f} dB, r {row['least r']:.3f}",
    ]


def write_between(text: str, table: str) -> str:
    """Return a text with the table between its two marks; raises ValueError where they are not there once."""
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise ValueError(f"The text takes one line {BEGIN} and after it one line {END}.")
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n{table}\n{END}{rest.split(END)[1]}"


def write_readme(rows: dict[str, dict]) -> None:
    """Write the table of presets into the README."""
    README.write_text(
        write_between(README.read_text(encoding="utf-8"), format_presets(rows)), encoding="utf-8"
    )
