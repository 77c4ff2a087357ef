"""The host's calls. A submit is one request; only calls that cost nothing are repeated."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import httpx

from .clock import Clock
from .exchange import exchange
from .keys import ApiKey
from .parse import (
    Prediction,
    parse_deleted,
    parse_models,
    parse_money,
    parse_prediction,
    parse_price,
)
from .replies import Reply, ReplyKind, classify, compute_backoff, compute_wait, parse_http_date
from .settings import Settings

_ATTEMPTS = 5

_NOT_HERE = (405, 410, 501)
"""Statuses that no repetition changes: the host does not offer this call."""
_BELIEVABLE = 366 * 86400.0
"""Seconds by which two clocks may differ; a `Date` header further off is ignored."""
_PAGE_SIZE, _MOST_PAGES = 100, 20


class Api:
    """WaveSpeed's API v3 for one run; holds the key, which goes to URLs made here and nowhere else."""

    def __init__(self, client: httpx.AsyncClient, settings: Settings, key: ApiKey, clock: Clock) -> None:
        self.client, self.settings, self.clock = client, settings, clock
        self._key = key
        self._ahead = 0.0

    @property
    def now(self) -> float:
        """Seconds since 1970 by the host's clock, as far as its `Date` headers show it."""
        return self.clock.utc() + self._ahead

    async def call(self, method: str, path: str, body: object = None, seconds: float | None = None) -> Reply:
        """Send one request, once; `body` is sent as JSON."""
        content = None if body is None else json.dumps(body).encode()
        headers = {} if content is None else {"Content-Type": "application/json"}
        return await self.send(method, path, headers, content, seconds or self.settings.timeouts.read)

    async def send(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        content: bytes | AsyncIterator[bytes] | None,
        seconds: float,
        sent: asyncio.Event | None = None,
    ) -> Reply:
        """Send one request with a body of any kind, with the key; `sent` as of `exchange`."""
        authorization = {"Authorization": f"Bearer {self._key.reveal()}"}
        times = self.settings.timeouts
        request = self.client.build_request(
            method,
            f"{self.settings.base_url}/{path}",
            headers={**headers, **authorization},
            content=content,
            timeout=httpx.Timeout(seconds, connect=times.connect),
        )
        reply = await exchange(self.client, request, seconds, sent)
        date = parse_http_date(reply.headers.get("date", ""))
        if date is not None and abs(date - self.clock.utc()) < _BELIEVABLE:
            self._ahead = date - self.clock.utc()
        # A host may echo the key in its refusal, and bodies end up in messages and logs.
        body = reply.body.replace(self._key.reveal().encode(), b"***")
        return replace(reply, body=body, key=self._key)

    async def ask(self, method: str, path: str, body: object = None, *, attempts: int = _ATTEMPTS) -> Reply:
        """Make a call that costs nothing, retry it after trouble, and return the last reply."""
        for attempt in range(1, attempts + 1):
            reply = await self.call(method, path, body)
            if classify(reply) in (ReplyKind.OK, ReplyKind.REFUSED) or reply.status in _NOT_HERE:
                break
            if attempt < attempts:
                await self.clock.sleep(self.pause_after(reply, attempt))
        return reply

    def pause_after(self, reply: Reply, failures: int) -> float:
        """Return the seconds to wait after a reply that was not OK."""
        if classify(reply) is ReplyKind.WAIT or "retry-after" in reply.headers:
            return compute_wait(reply, self.now)
        return compute_backoff(failures)

    async def submit(self, model: str, inputs: Mapping[str, str]) -> Reply:
        """Submit a job, which buys it. Sent once: a repetition might buy a second task."""
        return await self.call("POST", model, dict(inputs), self.settings.timeouts.submit)

    async def get_task(self, prediction_id: str) -> Reply:
        """Ask for a task, in one request."""
        return await self.call("GET", _path_of(prediction_id))

    async def get_task_with_retry(self, prediction_id: str) -> Reply:
        """Ask for a task, and retry after trouble."""
        return await self.ask("GET", _path_of(prediction_id))

    async def delete(self, prediction_id: str) -> tuple[int, Reply]:
        """Delete a task; return how many were deleted, and the reply that says so."""
        reply = await self.ask("POST", "predictions/delete", {"ids": [prediction_id]})
        return parse_deleted(_data_of(reply)), reply

    async def list_models(self) -> dict[str, Decimal | None] | None:
        """Return the ids of all models with their base price, or None if the host does not list them."""
        return parse_models(_data_of(await self.ask("GET", "models", attempts=2)))

    async def ask_price(self, model: str, inputs: Mapping[str, str]) -> Decimal | None:
        """Return the price of a job with these inputs, or None if the host does not quote one."""
        reply = await self.ask("POST", "model/price", {"model_id": model, "inputs": dict(inputs)}, attempts=3)
        return parse_price(_data_of(reply))

    async def ask_balance(self) -> Decimal | None:
        """Return the account's balance, or None if the host does not give it."""
        # Two pages of the documentation give two paths; which one is right is not known.
        for path in ("balance", "account/balance"):
            data = _data_of(await self.ask("GET", path, attempts=3))
            amount = parse_money(data.get("balance")) if isinstance(data, dict) else None
            if amount is not None:
                return amount
        return None

    async def list_tasks(self, model: str, start: float, end: float) -> list[Prediction] | None:
        """Return the tasks created between two times (seconds since 1970), or None if the host does not list them."""
        query = {"model": model} if model else {}
        window = {
            "created_after": _format_time(start),
            "created_before": _format_time(end),
            "page_size": _PAGE_SIZE,
        }
        found: list[Prediction] = []
        for page in range(1, _MOST_PAGES + 1):
            items = _items_of(
                await self.ask("POST", "predictions", {**query, **window, "page": page}, attempts=2)
            )
            if items is None:
                return None
            found += [item for item in map(parse_prediction, items) if item]
            if len(items) < _PAGE_SIZE:
                break
        return found

    async def ask_charge(self, prediction_id: str, since: float) -> Decimal | None:
        """Return what the bill says about a task, or None; asked once, because it is only for the report."""
        body = {
            "page": 1,
            "page_size": _PAGE_SIZE,
            "start_time": _format_time(since),
            "end_time": _format_time(self.now + 120),
        }
        items = _items_of(await self.ask("POST", "billings/search", body, attempts=1)) or []
        # A task may have several items: what was deducted, and what was refunded later.
        amounts = [
            amount if item.get("billing_type", "deduct") == "deduct" else -amount
            for item in items
            if isinstance(item, dict) and _task_of(item) == prediction_id
            if (amount := parse_money(item.get("price"))) is not None
        ]
        return sum(amounts, Decimal(0)) if amounts else None


def _path_of(prediction_id: str) -> str:
    return f"predictions/{prediction_id}/result"


def _data_of(reply: Reply) -> Any:
    envelope = reply.envelope
    return envelope.data if envelope and classify(reply) is ReplyKind.OK else None


def _items_of(reply: Reply) -> list[Any] | None:
    data = _data_of(reply)
    items = data.get("items") if isinstance(data, dict) else None
    return items if isinstance(items, list) else None


def _task_of(bill: dict[str, Any]) -> str:
    prediction = bill.get("prediction")
    return str(prediction.get("uuid", "")) if isinstance(prediction, dict) else ""


def _format_time(seconds: float) -> str:
    """Format a time as in the documentation's example: 2023-04-01T12:34:56.789Z."""
    moment = datetime.fromtimestamp(max(0.0, seconds), timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
