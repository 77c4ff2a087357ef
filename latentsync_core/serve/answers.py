"""Requests as the contract has them, and replies in its envelope."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from aiohttp import web

Fields = Mapping[str, tuple[type, bool]]
"""The fields of a request by name: type, and whether it has to be there."""


class Refusal(Exception):
    """A request that is not taken: HTTP status, a message, and perhaps after how many seconds to come again."""

    def __init__(self, status: int, message: str, retry_after: int = 0) -> None:
        super().__init__(message)
        self.status, self.retry_after = status, retry_after

    def to_response(self) -> web.Response:
        """Return the reply."""
        headers = {"Retry-After": str(self.retry_after)} if self.retry_after else {}
        body = {"code": self.status, "message": str(self), "data": None}
        return web.json_response(body, status=self.status, headers=headers)


def succeed(data: Any) -> web.Response:
    """Return the reply of a call that did what it should."""
    return web.json_response({"code": 200, "message": "success", "data": data})


async def read_fields(request: web.Request, fields: Fields) -> dict[str, Any]:
    """Return the JSON body of a request, if it has exactly the fields of the contract; raises Refusal 400."""
    # Browsers send JSON to other sites only after they were allowed to, which never happens here.
    if request.content_type != "application/json":
        raise Refusal(400, f"Content-Type is {request.content_type}, not application/json")
    try:
        body = json.loads(await request.read())
    except (ValueError, RecursionError) as exc:
        raise Refusal(400, "the body is not JSON") from exc
    if not isinstance(body, dict):
        raise Refusal(400, "the body is not a JSON object")
    for name in body:
        if name not in fields:
            raise Refusal(400, f"unknown parameter {name[:100]!r}")
    for name, (kind, required) in fields.items():
        _check_field(body, name, kind, required)
    return body


def _check_field(body: dict[str, Any], name: str, kind: type, required: bool) -> None:
    if name not in body:
        if required:
            raise Refusal(400, f"missing parameter {name!r}")
    elif type(body[name]) is not kind:
        raise Refusal(400, f"invalid parameter {name!r}: it is not {_JSON_NAMES[kind]}")


_JSON_NAMES = {str: "a string", int: "an integer", list: "an array", dict: "an object"}


def format_utc(seconds: float) -> str:
    """Format a time as in the documentation's example: 2023-04-01T12:34:56.789Z."""
    moment = datetime.fromtimestamp(seconds, timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_utc(name: str, text: str) -> float:
    """Return a parameter's ISO time in seconds since 1970; raises Refusal 400."""
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
        return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()
    except (ValueError, OverflowError) as exc:
        raise Refusal(400, f"invalid parameter {name!r}: it is not an ISO time") from exc
