"""The routes of the API: submit, ask, search, delete, price, balance, models, billings."""

import json
from typing import TYPE_CHECKING, Any

from aiohttp import web

from .clip import UnreadableMedia, seconds
from .clock import from_iso, iso
from .contract import CONTRACT, ROUTES, problems
from .faults import Fault
from .ledger import BLOCK_DOLLARS, Task, price_of

if TYPE_CHECKING:
    from .server import FakeWaveSpeed

OTHER_ID = "req-7f3a9c21"
"""What the fault `other_id` gives for the id of a task that was bought."""
PLAIN_MODELS = [
    "bytedance/latentsync",
    "wavespeed-ai/latentsync",
    "bytedance/lipsync/audio-to-video",
    "veed/lipsync",
    "veed/lipsync-v2",
    "kwaivgi/kling-lipsync/audio-to-video",
]
SYNC_MODELS = ["sync/lipsync-1.9.0-beta", "sync/lipsync-3"]


class Refusal(Exception):
    """A request the host does not take: HTTP status and message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def success(data: Any) -> web.Response:
    return web.json_response({"code": 200, "message": "success", "data": data})


async def checked_json(request: web.Request, route: str) -> dict[str, Any]:
    """The body, if it is exactly what the contract says."""
    if request.headers.get("Content-Type", "").split(";")[0] != "application/json":
        raise Refusal(400, f"Content-Type is {request.headers.get('Content-Type')!r}, not application/json")
    try:
        body = json.loads(await request.read())
    except ValueError as exc:
        raise Refusal(400, "the body is no JSON") from exc
    wrong = problems(ROUTES[route]["request"], body) if isinstance(body, dict) else ["the body is no object"]
    if wrong:
        raise Refusal(400, "; ".join(wrong))
    return body


async def submit(fake: "FakeWaveSpeed", request: web.Request, faults: dict[str, Fault]) -> web.StreamResponse:
    model = request.match_info["model"]
    if model not in PLAIN_MODELS + SYNC_MODELS:
        raise Refusal(404, f"there is no model {model}")
    _check_query(request)
    inputs = await checked_json(request, "submit")
    if "sync_mode" in inputs and model not in SYNC_MODELS:
        raise Refusal(400, f"unknown field sync_mode for {model}")
    for name in ("audio", "video"):
        if not inputs[name].startswith(("https://", fake.origin + "/")):
            raise Refusal(400, f"{name} is {inputs[name][:40]!r}, not a URL")
    task = _task(fake, model, inputs)
    if fake.ledger.balance(fake.clock.utc()) < task.price:
        raise Refusal(402, "insufficient balance: please top up")
    fake.ledger.all.append(task)
    reply = prediction(fake, task)
    if "no_id" in faults:
        del reply["id"]
    if "other_id" in faults:
        reply["id"] = OTHER_ID
    return success(reply)


def _check_query(request: web.Request) -> None:
    unknown = set(request.query) - {"webhook"}
    if unknown or not request.query.get("webhook", "https://").startswith("https://"):
        raise Refusal(400, f"query {request.query_string!r}: only webhook=https://... is known")


def _task(fake: "FakeWaveSpeed", model: str, inputs: dict[str, str]) -> Task:
    failure: tuple[int, str] | None = None
    price = BLOCK_DOLLARS
    try:
        paths = {name: fake.stored(inputs[name]) for name in ("audio", "video")}
        if None in paths.values():
            failure = (1402, "media URL not reachable")
        else:
            seconds(paths["video"])
            price = price_of(seconds(paths["audio"]))
    except UnreadableMedia:
        failure = (1401, "invalid parameter: the media cannot be read")
    return Task(model, inputs, fake.clock.utc(), price, fake.queue_seconds, fake.run_seconds, failure)


def prediction(fake: "FakeWaveSpeed", task: Task) -> dict[str, Any]:
    """The page's table of response parameters."""
    status = task.status(fake.clock.utc())
    done = status == "completed"
    reply = {
        "id": task.id,
        "model": task.model,
        "outputs": [fake.output_url(task)] if done else [],
        "urls": {"get": f"{fake.base_url}/predictions/{task.id}/result"},
        "has_nsfw_contents": [False] if done else [],
        "status": status,
        "created_at": iso(task.created + fake.skew),
        "error": "",
        "timings": {"inference": round(task.run_seconds * 1000) if done else 0},
    }
    if status == "failed" and task.failure:
        reply["code"], reply["error"] = task.failure
    return reply


async def result(fake: "FakeWaveSpeed", request: web.Request, faults: dict[str, Fault]) -> web.StreamResponse:
    task = fake.ledger.find(request.match_info["id"])
    if task is None or task.foreign:
        raise Refusal(404, "task not found")
    if "error" in faults:
        code = faults["error"].value
        task.failure = (int(code), CONTRACT["task_codes"][code]["meaning"])
    reply = prediction(fake, task)
    for name, change in RESULT_FAULTS.items():
        if name in faults:
            change(fake, reply, faults[name].value)
    return success(reply)


def _outputs(fake: "FakeWaveSpeed", reply: dict[str, Any], value: str) -> None:
    if reply["status"] == "completed":
        url = reply["outputs"][0]
        choices: dict[str, Any] = {"none": [], "object": [{"url": url}], "two": [url, url], "null": None}
        reply["outputs"] = choices[value]


def _nsfw(fake: "FakeWaveSpeed", reply: dict[str, Any], value: str) -> None:
    reply["has_nsfw_contents"] = [True for _ in reply["outputs"]]


def _url(fake: "FakeWaveSpeed", reply: dict[str, Any], value: str) -> None:
    if reply["status"] == "completed":
        reply["outputs"] = [value.replace("CDN", fake.cdn_origin)]


RESULT_FAULTS = {
    "status": lambda fake, reply, value: reply.update(status=value, outputs=[]),
    "outputs": _outputs,
    "nsfw": _nsfw,
    "url": _url,
    "other_id": lambda fake, reply, value: reply.update(id="0" * 32),
    "more": lambda fake, reply, value: reply.update(invented_yesterday={"value": [1]}),
}


async def history(
    fake: "FakeWaveSpeed", request: web.Request, faults: dict[str, Fault]
) -> web.StreamResponse:
    query = await checked_json(request, "history")
    _check_search(query)
    tasks = [] if "lag" in faults else [task for task in fake.ledger.all if not task.deleted]
    if "lookalike" in faults and tasks:
        tasks += [_lookalike(tasks[-1], faults["lookalike"].value)]
    shown = [task for task in reversed(tasks) if _matches(fake, task, query)]
    start = (query["page"] - 1) * query["page_size"]
    items = [_history_item(fake, task, faults) for task in shown[start : start + query["page_size"]]]
    return success({"page": query["page"], "items": items})


def _check_search(query: dict[str, Any]) -> None:
    if not 1 <= query["page_size"] <= 100 or query["page"] < 1:
        raise Refusal(400, "page_size is not 1 to 100, or page is below 1")
    for name in ("created_after", "created_before"):
        try:
            from_iso(query[name])
        except ValueError as exc:
            raise Refusal(400, f"{name} is {query[name]!r}, no ISO time") from exc


def _lookalike(task: Task, kind: str) -> Task:
    """Another order of the same model at the same time: of the same media (`twin`), or of other media."""
    inputs = task.inputs if kind == "twin" else {name: url + ".other" for name, url in task.inputs.items()}
    return Task(
        task.model, inputs, task.created + 1, task.price, task.queue_seconds, task.run_seconds, foreign=True
    )


def _matches(fake: "FakeWaveSpeed", task: Task, query: dict[str, Any]) -> bool:
    created = task.created + fake.skew
    return (
        from_iso(query["created_after"]) <= created <= from_iso(query["created_before"])
        and query.get("model", task.model) == task.model
        and query.get("status", task.status(fake.clock.utc())) == task.status(fake.clock.utc())
    )


def _history_item(fake: "FakeWaveSpeed", task: Task, faults: dict[str, Fault]) -> dict[str, Any]:
    reply = prediction(fake, task)
    item = {name: reply[name] for name in ("id", "model", "status", "outputs", "created_at", "error")}
    if "no_inputs" in faults:
        return item
    if "rewritten" in faults:
        return item | {"inputs": {name: f"https://cdn.example/{name}" for name in task.inputs}}
    return item | {"input" if "input" in faults else "inputs": task.inputs}


async def delete(fake: "FakeWaveSpeed", request: web.Request, faults: dict[str, Fault]) -> web.StreamResponse:
    body = await checked_json(request, "delete")
    return success({"deleted_count": fake.ledger.delete(body["ids"])})


async def price(fake: "FakeWaveSpeed", request: web.Request, faults: dict[str, Fault]) -> web.StreamResponse:
    """The price of the media at the inputs' URLs; of media the host does not see, the least there is."""
    body = await checked_json(request, "price")
    if body["model_id"] not in PLAIN_MODELS + SYNC_MODELS:
        raise Refusal(404, f"there is no model {body['model_id']}")
    dollars = BLOCK_DOLLARS
    audio = fake.stored(str(body["inputs"].get("audio", "")))
    if audio:
        dollars = price_of(seconds(audio))
    if "amount" in faults:
        dollars = float(faults["amount"].value)
    return success(
        {"model_id": body["model_id"], "price": dollars, "discounted_price": dollars, "currency": "USD"}
    )


async def balance(
    fake: "FakeWaveSpeed", request: web.Request, faults: dict[str, Fault]
) -> web.StreamResponse:
    left = float(faults["amount"].value) if "amount" in faults else fake.ledger.balance(fake.clock.utc())
    return success({"balance": left})


async def account_balance(
    fake: "FakeWaveSpeed", request: web.Request, faults: dict[str, Fault]
) -> web.StreamResponse:
    left = float(faults["amount"].value) if "amount" in faults else fake.ledger.balance(fake.clock.utc())
    return success({"balance": left, "currency": "USD"})


async def models(fake: "FakeWaveSpeed", request: web.Request, faults: dict[str, Fault]) -> web.StreamResponse:
    names = PLAIN_MODELS + SYNC_MODELS
    return success([{"model_id": name, "name": name, "base_price": BLOCK_DOLLARS} for name in names])


async def billings(
    fake: "FakeWaveSpeed", request: web.Request, faults: dict[str, Fault]
) -> web.StreamResponse:
    query = await checked_json(request, "billings")
    rows = [
        _bill(fake, task, kind)
        for task in reversed(fake.ledger.tasks)
        for kind in (["deduct", "refund"] if task.refunded(fake.clock.utc()) else ["deduct"])
    ]
    rows = [row for row in rows if query.get("billing_type", row["billing_type"]) == row["billing_type"]]
    start = (query["page"] - 1) * query["page_size"]
    more = len(rows) > start + query["page_size"]
    return success(
        {"page": query["page"], "has_more": more, "items": rows[start : start + query["page_size"]]}
    )


def _bill(fake: "FakeWaveSpeed", task: Task, kind: str) -> dict[str, Any]:
    status = task.status(fake.clock.utc())
    return {
        "uuid": f"bill-{task.id}-{kind}",
        "billing_type": kind,
        "price": task.price,
        "created_at": iso(task.created + fake.skew),
        "prediction": {"uuid": task.id, "model_uuid": task.model, "status": status},
    }
