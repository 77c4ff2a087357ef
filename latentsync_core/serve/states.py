"""The states of a task, the steps between them, and what clients are told of each."""

from __future__ import annotations

from enum import Enum


class TaskState(str, Enum):
    """The state of a task, on disk before anything follows from it."""

    CREATED = "created"
    """Accepted; its media may still lie elsewhere."""
    READY = "ready"
    """Both media are in the task's folder and within the limits: it waits for the worker."""
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    DELETED = "deleted"
    """Its files are gone. The row stays, so that the same Idempotency-Key computes nothing anew."""


WAITING = (TaskState.CREATED, TaskState.READY)
UNFINISHED = (*WAITING, TaskState.PROCESSING)
ENDED = (TaskState.COMPLETED, TaskState.FAILED)

TASK_TRANSITIONS: dict[TaskState, set[TaskState]] = {
    TaskState.CREATED: {TaskState.READY, TaskState.FAILED, TaskState.DELETED},
    TaskState.READY: {TaskState.PROCESSING, TaskState.DELETED},
    # back to READY: the server was stopped, or the worker's process died
    TaskState.PROCESSING: {TaskState.READY, TaskState.COMPLETED, TaskState.FAILED, TaskState.DELETED},
    TaskState.COMPLETED: {TaskState.DELETED},
    TaskState.FAILED: {TaskState.DELETED},
    TaskState.DELETED: set(),
}


def status_of(state: TaskState) -> str:
    """Return the contract's word for a state: it knows no READY."""
    return TaskState.CREATED.value if state is TaskState.READY else state.value
