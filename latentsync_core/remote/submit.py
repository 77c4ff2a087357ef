"""The purchase: one POST, and what its reply means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from .api import Api
from .replies import Reply, ReplyKind, classify, find_accepted_id


@dataclass(frozen=True)
class SubmitAccepted:
    """The task exists, under this id."""

    prediction_id: str


@dataclass(frozen=True)
class SubmitRefused:
    """No task exists, and the same request will be refused again."""

    reply: Reply


@dataclass(frozen=True)
class SubmitNotTaken:
    """No task exists: the host was not reached, or asks to wait. The request may be repeated."""

    reply: Reply


@dataclass(frozen=True)
class SubmitUnclear:
    """A task may exist. The request must not be repeated."""

    reply: Reply


SubmitOutcome: TypeAlias = SubmitAccepted | SubmitRefused | SubmitNotTaken | SubmitUnclear


async def submit(api: Api, model: str, inputs: Mapping[str, str]) -> SubmitOutcome:
    """Buy by one request. Every call may cost money: the caller writes it down before, and its outcome after."""
    reply = await api.submit(model, inputs)
    if prediction_id := find_accepted_id(reply):
        return SubmitAccepted(prediction_id)
    kind = classify(reply)
    # OK without an id is unclear, too: the host took the job, and did not say as what.
    if kind in (ReplyKind.OK, ReplyKind.TROUBLE):
        return SubmitUnclear(reply)
    return SubmitRefused(reply) if kind is ReplyKind.REFUSED else SubmitNotTaken(reply)
