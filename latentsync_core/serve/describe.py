"""A task as clients see it."""

from __future__ import annotations

from typing import Any

from .answers import format_utc
from .states import TaskState, status_of
from .tasks import Task


def describe_task(task: Task, origin: str) -> dict[str, Any]:
    """Return the documented fields of a task; origin: scheme, host and port under which the client sees it."""
    done = task.state is TaskState.COMPLETED
    described: dict[str, Any] = {
        "id": task.id,
        "model": task.order.model,
        "outputs": [f"{origin}/media/results/{task.result_token}/1.mp4"] if done else [],
        "urls": {"get": f"{origin}/api/v3/predictions/{task.id}/result"},
        "has_nsfw_contents": [False] if done else [],
        "status": status_of(task.state),
        "created_at": format_utc(task.created_at),
        "error": task.error,
        "timings": {"inference": task.inference_ms},
    }
    return described | ({"code": task.code} if task.code else {})


def describe_in_history(task: Task, origin: str) -> dict[str, Any]:
    """Return a task as an item of the history."""
    described = describe_task(task, origin)
    shown = ("id", "model", "status", "outputs", "created_at", "error")
    return {name: described[name] for name in shown} | {"inputs": task.order.inputs}


def describe_for_webhook(task: Task) -> dict[str, Any]:
    """Return what a webhook is told; source of the fields: https://wavespeed.ai/docs/how-to-use-webhooks."""
    return describe_task(task, task.order.origin) | {"input": task.order.inputs}
