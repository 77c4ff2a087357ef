"""Ask what tasks cost and did cost, for the models, and for the webhook's secret."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from aiohttp import web

from ..answers import Fields, Refusal, format_utc, parse_utc, read_fields, succeed
from ..endpoint import MODEL_IDS, Endpoint
from ..prices import price_of, to_dollars
from ..states import status_of
from ..tasks import Search, Task
from .submit import quote_price
from .tasks import read_page

_PRICE: Fields = {"model_id": (str, True), "inputs": (dict, True)}
_BILLS: Fields = {
    "page": (int, True),
    "page_size": (int, True),
    "billing_type": (str, False),
    "start_time": (str, False),
    "end_time": (str, False),
    "model_uuid": (str, False),
    "access_key_uuid": (str, False),
}

_ALWAYS = {"start_time": "1970-01-01T00:00:00Z", "end_time": "9999-01-01T00:00:00Z"}


async def tell_price(endpoint: Endpoint, request: web.Request) -> web.Response:
    """Return what a task with these inputs costs."""
    body = await read_fields(request, _PRICE)
    if body["model_id"] not in MODEL_IDS:
        raise Refusal(404, f"no such model; there are {', '.join(MODEL_IDS)}")
    dollars = to_dollars(await quote_price(endpoint, str(body["inputs"].get("audio", ""))))
    prices = {"price": dollars, "discounted_price": dollars}
    return succeed({"model_id": body["model_id"], **prices, "currency": "USD"})


async def tell_balance(endpoint: Endpoint, request: web.Request) -> web.Response:
    """Return what is left of the account's credit."""
    account = endpoint.account_of(request)
    left = to_dollars(account.credit - endpoint.tasks.sum_prices(account.name))
    return succeed({"balance": left} | ({"currency": "USD"} if "/account/" in request.path else {}))


async def list_models(endpoint: Endpoint, request: web.Request) -> web.Response:
    """Return the models, with the price of 5 seconds."""
    price = to_dollars(price_of(0, endpoint.settings.price_usd))
    return succeed([{"model_id": model, "name": model, "base_price": price} for model in MODEL_IDS])


async def search_bills(endpoint: Endpoint, request: web.Request) -> web.Response:
    """Return a page of what was paid. Nothing is refunded: a task that fails costs nothing in the first place."""
    query = await read_fields(request, _BILLS)
    kind, (page, size) = query.get("billing_type", "deduct"), read_page(query)
    if kind not in ("deduct", "refund"):
        raise Refusal(400, "invalid parameter 'billing_type': it is neither deduct nor refund")
    start, end = (parse_utc(name, query.get(name, usual)) for name, usual in _ALWAYS.items())
    search = Search(endpoint.account_of(request).name, start, end, query.get("model_uuid"), page, size)
    found, more = (endpoint.tasks.search_priced(one) for one in (search, replace(search, page=page + 1)))
    items = [_describe_bill(task) for task in found] if kind == "deduct" else []
    return succeed({"page": page, "has_more": bool(items and more), "items": items})


def _describe_bill(task: Task) -> dict[str, Any]:
    return {
        "uuid": f"bill-{task.id}",
        "billing_type": "deduct",
        "price": to_dollars(task.price),
        "created_at": format_utc(task.created_at),
        "prediction": {"uuid": task.id, "model_uuid": task.order.model, "status": status_of(task.state)},
    }


async def tell_webhook_secret(endpoint: Endpoint, request: web.Request) -> web.Response:
    """Return the secret with which the account checks calls to its webhooks."""
    return succeed({"secret": endpoint.webhooks.secret_of(endpoint.account_of(request).name)})
