"""Parse the host's replies: every documented field, tolerant of missing, unknown and malformed ones."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Any
from urllib.parse import urlsplit

from .keys import ApiKey
from .models import DEFAULT_MODEL
from .redact import strip_query

PREDICTION_ID = re.compile(r"[A-Za-z0-9_-]{6,128}")

_ID_IN_FRAGMENT = re.compile(rb'\s*\{.*?"data"\s*:\s*\{[^{}]*?"id"\s*:\s*"([A-Za-z0-9_-]{6,128})"', re.DOTALL)
"""The id of a task stands directly in `data`; other ids, such as the request's, do not."""
_LONGEST_AMOUNT, _MOST_DOLLARS = 40, 10**9


class Phase(Enum):
    """What a status means for the run."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"


_PHASES = {"completed": Phase.COMPLETED} | dict.fromkeys(
    ("failed", "cancelled", "canceled", "timeout", "deleted"), Phase.FAILED
)


@dataclass(frozen=True)
class Prediction:
    """A task as the host describes it (`data` of the response tables)."""

    id: str = ""
    model: str = ""
    status: str = ""
    outputs: tuple[str, ...] = ()
    """URLs of the results."""
    get_url: str = ""
    """`urls.get`; read for completeness, never requested: the key only goes to URLs that this package builds."""
    has_nsfw_contents: tuple[bool, ...] = ()
    created_at: str = ""
    error: str = ""
    inference_ms: int | None = None
    inputs: Mapping[str, Any] = field(default_factory=dict)
    """`inputs` or `input` of items in the history."""
    code: int = 0
    """`data.code`, where a failed task has one."""

    @property
    def phase(self) -> Phase:
        """The phase; an unknown status counts as running, because giving up early could lose a paid result."""
        return _PHASES.get(self.status.lower(), Phase.RUNNING)

    @property
    def created(self) -> float | None:
        """`created_at` in seconds since 1970; None where it is not a date."""
        try:
            moment = datetime.fromisoformat(self.created_at.replace("Z", "+00:00"))
            return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()
        except (ValueError, OverflowError):
            return None


@dataclass(frozen=True)
class Envelope:
    """The frame around every reply."""

    code: int
    message: str
    data: Any


def parse_envelope(body: bytes, key: ApiKey | None = None) -> Envelope | None:
    """Return `code`, `message` and `data`, or None if `body` is no JSON object; `key` is removed from all texts."""
    try:
        content = _clean(json.loads(body), key)
    except (ValueError, RecursionError):
        return None
    if not isinstance(content, dict):
        return None
    return Envelope(
        _as_integer(content.get("code")) or 0, _as_text(content.get("message")), content.get("data")
    )


def _clean(value: Any, key: ApiKey | None) -> Any:
    """Return a decoded value whose texts can be written down: without the key, and without lone surrogates."""
    if isinstance(value, str):
        text = value.encode("utf-8", "replace").decode()
        return text if key is None else text.replace(key.reveal(), "***")
    if isinstance(value, list):
        return [_clean(item, key) for item in value]
    if isinstance(value, dict):
        return {_clean(name, key): _clean(item, key) for name, item in value.items()}
    return value


def parse_prediction(data: Any) -> Prediction | None:
    """Return a prediction, or None if `data` is no object with a usable id."""
    content = _as_object(data)
    identity = _as_text(content.get("id"))
    if not PREDICTION_ID.fullmatch(identity):
        return None
    return Prediction(
        identity,
        _as_text(content.get("model")),
        _as_text(content.get("status")),
        tuple(item for item in _as_list(content.get("outputs")) if isinstance(item, str) and item),
        _as_text(_as_object(content.get("urls")).get("get")),
        tuple(item is True for item in _as_list(content.get("has_nsfw_contents"))),
        _as_text(content.get("created_at")),
        _as_text(content.get("error")),
        _as_integer(_as_object(content.get("timings")).get("inference")),
        _as_object(content.get("inputs")) or _as_object(content.get("input")),
        _as_integer(content.get("code")) or 0,
    )


def salvage_id(body: bytes) -> str:
    """Return the id of the task in a JSON object that was cut off after it, or ""."""
    found = _ID_IN_FRAGMENT.match(body)
    return found[1].decode() if found else ""


def parse_money(value: Any) -> Decimal | None:
    """Return an amount of dollars, 0 to a billion, or None."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    if len(text := str(value)) > _LONGEST_AMOUNT:
        return None
    try:
        amount = Decimal(text)
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and 0 <= amount <= _MOST_DOLLARS else None


def parse_price(data: Any) -> Decimal | None:
    """Return the higher of `price` and `discounted_price`: which of them is billed is not documented."""
    content = _as_object(data)
    amounts = [parse_money(content.get(name)) for name in ("price", "discounted_price")]
    return max((amount for amount in amounts if amount is not None), default=None)


def parse_models(data: Any) -> dict[str, Decimal | None] | None:
    """Return the ids of all models with their base prices; None if `data` is not the whole list.

    A list without the documented model does not count, so that another kind of list, or a part, refuses no job.
    """
    items = [_as_object(item) for item in _as_list(data)]
    found = {_as_text(item.get("model_id")): parse_money(item.get("base_price")) for item in items}
    return found if DEFAULT_MODEL in found else None


def parse_deleted(data: Any) -> int:
    """Return how many tasks were deleted; 0 if the reply does not say."""
    return max(0, _as_integer(_as_object(data).get("deleted_count")) or 0)


@dataclass(frozen=True)
class Ticket:
    """Where one file may be uploaded to, and where it can be read afterwards."""

    url: str
    headers: Mapping[str, str]
    download_url: str


# A ticket's headers are sent as they are: these would change the request itself, or where it goes.
_FORBIDDEN_HEADERS = frozenset(
    "authorization connection content-length cookie host keep-alive proxy-authenticate proxy-authorization te "
    "trailer transfer-encoding upgrade".split()
)


def parse_ticket(data: Any) -> Ticket | None:
    """Return an upload ticket, or None if it is not usable: only a PUT with harmless headers is."""
    upload = _as_object(_as_object(data).get("upload"))
    headers = _as_object(upload.get("headers"))
    ticket = Ticket(_as_text(upload.get("url")), headers, _as_text(_as_object(data).get("download_url")))
    usable = ticket.url and ticket.download_url and _as_text(upload.get("method")).upper() == "PUT"
    return ticket if usable and all(_is_harmless(name, value) for name, value in headers.items()) else None


def _is_harmless(name: str, value: Any) -> bool:
    return (
        name.lower() not in _FORBIDDEN_HEADERS
        and re.fullmatch(r"[A-Za-z0-9-]+", name) is not None
        and isinstance(value, str)
        and re.fullmatch(r"[\x20-\x7e]*", value) is not None
    )


def has_inputs(prediction: Prediction, urls: Mapping[str, str]) -> bool | None:
    """Return whether a task of the history was made from these URLs (queries aside); None if that is open.

    It is open for URLs on other hosts: the host may list copies of what was submitted.
    """
    given = {name: strip_query(_as_text(prediction.inputs.get(name))) for name in urls}
    if all(given[name] == strip_query(url) for name, url in urls.items()):
        return True
    same_host = all(_host_of(given[name]) == _host_of(url) for name, url in urls.items())
    return False if same_host else None


def _host_of(url: str) -> str:
    try:
        return urlsplit(url).netloc
    except ValueError:  # no URL, so on no host
        return ""


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _as_integer(value: Any) -> int | None:
    # The bound leaves out NaN and infinities, which Python's JSON reads and `int` refuses.
    return int(value) if isinstance(value, (int, float)) and abs(value) < 2**53 else None


def _as_object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
