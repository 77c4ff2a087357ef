"""Order a task."""

from __future__ import annotations

import re
from collections.abc import Callable

from aiohttp import web

from ..answers import Fields, Refusal, read_fields, succeed
from ..describe import describe_task
from ..endpoint import MODEL_IDS, Endpoint
from ..failure import TaskFailure
from ..prices import price_of
from ..tasks import Order, Task

_INPUTS: Fields = {"audio": (str, True), "video": (str, True)}
_LONGEST_URL = 4096
_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,128}")

_COME_AGAIN = 60
"""Seconds after which a client may try again where the queue is full."""


async def submit_task(endpoint: Endpoint, request: web.Request) -> web.Response:
    """Add a task; a repeated Idempotency-Key gives the task that it has made."""
    order = await _read_order(endpoint, request)
    price = await quote_price(endpoint, order.audio)
    # From here on nothing is awaited: no other request comes between the look and the change.
    task = _find_repeated(endpoint, order) or _add(
        endpoint, order, price, endpoint.account_of(request).credit
    )
    return succeed(describe_task(task, endpoint.origin_of(request)))


async def quote_price(endpoint: Endpoint, audio: str) -> int:
    """Return the price for an audio in millionths of a US dollar; for one that is not here yet, or none, the least."""
    block, upload = endpoint.settings.price_usd, endpoint.fetcher.find_upload(audio)
    if not block or upload is None:
        return price_of(0, block)
    try:
        return price_of(await endpoint.gate.measure("audio", endpoint.uploads.path_of(upload)), block)
    except TaskFailure:  # the task will fail, and cost nothing
        return price_of(0, block)


async def _read_order(endpoint: Endpoint, request: web.Request) -> Order:
    model = request.match_info["model"]
    if model not in MODEL_IDS:
        raise Refusal(404, f"no such model; there are {', '.join(MODEL_IDS)}")
    if unknown := set(request.query) - {"webhook"}:
        raise Refusal(400, f"unknown query {sorted(unknown)[0][:100]!r}")
    inputs = await read_fields(request, _INPUTS)
    for name, url in inputs.items():
        _check_url(name, url, endpoint.fetcher.find_flaw)
    if webhook := request.query.get("webhook", ""):
        _check_url("webhook", webhook, endpoint.outside.find_flaw)
    key = request.headers.get("Idempotency-Key", "")
    if key and not _IDEMPOTENCY_KEY.fullmatch(key):
        raise Refusal(400, "an Idempotency-Key has 1 to 128 characters, without spaces")
    account, origin = endpoint.account_of(request).name, endpoint.origin_of(request)
    return Order(account, model, inputs["audio"], inputs["video"], origin, webhook, key)


def _check_url(name: str, url: str, find_flaw: Callable[[str], str]) -> None:
    if flaw := "it is too long" if len(url) > _LONGEST_URL else find_flaw(url):
        raise Refusal(400, f"invalid parameter {name!r}: {flaw}")


def _find_repeated(endpoint: Endpoint, order: Order) -> Task | None:
    task = endpoint.tasks.find_repeated(order)
    if task is not None and (task.order.model, task.order.inputs) != (order.model, order.inputs):
        raise Refusal(422, "this Idempotency-Key belongs to another order")
    return task


def _add(endpoint: Endpoint, order: Order, price: int, credit: int) -> Task:
    if endpoint.tasks.count_unfinished() >= endpoint.settings.limits.most_unfinished:
        raise Refusal(429, "the queue is full; try again in a minute", _COME_AGAIN)
    if price and price > credit - endpoint.tasks.sum_prices(order.account):
        raise Refusal(402, "insufficient balance")
    task = endpoint.tasks.add(order, price)
    endpoint.flow.ring()
    return task
