"""Hand out results and uploads: who knows the address of one may read it, as at any such host."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

from ..answers import Refusal
from ..endpoint import Endpoint
from ..place import TaskFolder

# Nothing that a client has uploaded is a page of this site to a browser.
_HARMLESS = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox; default-src 'none'"}


async def send_result(endpoint: Endpoint, request: web.Request) -> web.FileResponse:
    """Return the result of a task."""
    task = endpoint.tasks.find_result(request.match_info["token"])
    if task is None:
        raise Refusal(404, "no such file, or it was deleted")
    return _send(TaskFolder.of(endpoint.settings.folder, task.id).result, "video/mp4")


async def send_upload(endpoint: Endpoint, request: web.Request) -> web.FileResponse:
    """Return an upload."""
    upload = endpoint.uploads.find(request.match_info["token"])
    if upload is None:
        raise Refusal(404, "no such file, or it was deleted")
    return _send(endpoint.uploads.path_of(upload), upload.mime or "application/octet-stream")


def _send(path: Path, mime: str) -> web.FileResponse:
    return web.FileResponse(path, headers={"Content-Type": mime, **_HARMLESS})
