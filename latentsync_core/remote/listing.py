"""The journal as lines for people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone

from .entry import Entry
from .states import UNCERTAIN


def format_jobs(entries: Sequence[Entry]) -> list[str]:
    """Return a line for each job, and what to do about those whose purchase is not certain."""
    lines = [_format_job(entry) for entry in entries] or ["Nothing was bought yet."]
    if any(entry.state in UNCERTAIN for entry in entries):
        lines.append(
            "unknown, unconfirmed: compare with https://wavespeed.ai/predictions, then resume by the id."
        )
    return lines


def _format_job(entry: Entry) -> str:
    when = datetime.fromtimestamp(entry.updated_at, timezone.utc).strftime("%Y-%m-%d %H:%M")
    cost = f"${entry.charged or entry.price}" if entry.charged or entry.price else "-"
    where = entry.result_path or entry.output
    identity = entry.prediction_id or "-"
    return "  ".join(
        (when, f"{entry.state.value:11}", cost, identity, entry.model, f"take {entry.take}", where)
    )
