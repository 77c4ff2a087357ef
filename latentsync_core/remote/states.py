"""The states of a job, their transitions, and what each state allows."""

from __future__ import annotations

from enum import Enum


class State(str, Enum):
    """The state of a job, written down before the next step can cost anything."""

    NEW = "new"
    PREPARED = "prepared"
    """The media are measured and hashed."""
    UPLOADED = "uploaded"
    QUOTED = "quoted"
    SUBMITTING = "submitting"
    """Committed before the POST: from here on a task may exist."""
    REJECTED = "rejected"
    """The host refused the submit: no task exists."""
    UNKNOWN = "unknown"
    """The submit got no clear answer; the history has to be searched."""
    UNCONFIRMED = "unconfirmed"
    """The history did not show the task either; the user decides."""
    RUNNING = "running"
    DETACHED = "detached"
    """The run has stopped waiting; the task may go on."""
    COMPLETED = "completed"
    DOWNLOADED = "downloaded"
    """The result is in place and checked."""
    DONE = "done"
    FAILED = "failed"
    EXPIRED = "expired"
    """The host no longer knows the task."""


MAY_SUBMIT = frozenset({State.NEW, State.PREPARED, State.UPLOADED, State.QUOTED, State.REJECTED})
"""No task exists. FAILED is not among them: the host is asked once more whether that is so."""
UNCERTAIN = frozenset({State.SUBMITTING, State.UNKNOWN, State.UNCONFIRMED})
"""A task may exist whose id is not known."""
COSTS_NOTHING = MAY_SUBMIT | {State.FAILED}
"""Not counted into the day's spending; failures are refunded by the documentation."""

RESULT_HERE = frozenset({State.DOWNLOADED, State.DONE})
"""The result was in place, and is used again if it still is."""

_RESTART = {State.PREPARED}

TRANSITIONS: dict[State, set[State]] = {
    State.NEW: _RESTART,
    State.PREPARED: _RESTART | {State.UPLOADED},
    State.UPLOADED: _RESTART | {State.QUOTED},
    State.QUOTED: _RESTART | {State.SUBMITTING},
    # back to QUOTED: the host was not reached or asked us to wait, so the POST may be repeated
    State.SUBMITTING: {State.QUOTED, State.RUNNING, State.REJECTED, State.UNKNOWN},
    State.REJECTED: _RESTART,
    State.UNKNOWN: {State.RUNNING, State.UNCONFIRMED},
    State.UNCONFIRMED: {State.RUNNING},
    # to UNKNOWN: the host does not know the id that the reply to the submit held
    State.RUNNING: {
        State.RUNNING,
        State.DETACHED,
        State.COMPLETED,
        State.FAILED,
        State.EXPIRED,
        State.UNKNOWN,
    },
    State.DETACHED: {State.RUNNING},
    State.COMPLETED: {State.RUNNING, State.DOWNLOADED},
    State.DOWNLOADED: {State.RUNNING, State.DONE},
    State.DONE: {State.RUNNING},
    State.FAILED: _RESTART | {State.RUNNING},
    State.EXPIRED: {State.RUNNING},
}
"""To RUNNING from everywhere that has an id: asking the host again is free."""
