"""Ask for tasks, list them, delete them."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from ..answers import Fields, Refusal, parse_utc, read_fields, succeed
from ..describe import describe_in_history, describe_task
from ..endpoint import Endpoint
from ..states import ENDED, UNFINISHED, WAITING, status_of
from ..tasks import Search

_SEARCH: Fields = {
    "page": (int, True),
    "page_size": (int, True),
    "created_after": (str, True),
    "created_before": (str, True),
    "model": (str, False),
    "status": (str, False),
}
_MOST_PAGES, _MOST_ON_A_PAGE = 10**6, 100
_STATUSES = ("created", "processing", "completed", "failed", "cancelled", "timeout", "deleted")


async def get_task(endpoint: Endpoint, request: web.Request) -> web.Response:
    """Return a task with every documented field."""
    task = endpoint.tasks.find(request.match_info["id"], endpoint.account_of(request).name)
    if task is None:
        raise Refusal(404, "no such task, or it was deleted")
    return succeed(describe_task(task, endpoint.origin_of(request)))


async def search_tasks(endpoint: Endpoint, request: web.Request) -> web.Response:
    """Return a page of the history."""
    query = await read_fields(request, _SEARCH)
    start, end = (parse_utc(name, query[name]) for name in ("created_after", "created_before"))
    search = Search(endpoint.account_of(request).name, start, end, query.get("model"), *read_page(query))
    status, origin = query.get("status"), endpoint.origin_of(request)
    if status is not None and status not in _STATUSES:
        raise Refusal(400, f"invalid parameter 'status': it is none of {', '.join(_STATUSES)}")
    states = [state for state in (*UNFINISHED, *ENDED) if status in (None, status_of(state))]
    items = [describe_in_history(task, origin) for task in endpoint.tasks.search(search, states)]
    return succeed({"page": search.page, "items": items})


def read_page(query: dict[str, Any]) -> tuple[int, int]:
    """Return the number and the size of the page that a search asks for; raises Refusal 400."""
    page, size = query["page"], query["page_size"]
    if not (1 <= page <= _MOST_PAGES and 1 <= size <= _MOST_ON_A_PAGE):
        raise Refusal(400, f"'page' is 1 to {_MOST_PAGES}, 'page_size' 1 to {_MOST_ON_A_PAGE}")
    return page, size


async def delete_tasks(endpoint: Endpoint, request: web.Request) -> web.Response:
    """Delete tasks with their files; those that have not ended are stopped."""
    ids = (await read_fields(request, {"ids": (list, True)}))["ids"]
    if not all(isinstance(one, str) for one in ids) or len(ids) > _MOST_ON_A_PAGE:
        raise Refusal(
            400, f"invalid parameter 'ids': it is not an array of at most {_MOST_ON_A_PAGE} strings"
        )
    account = endpoint.account_of(request).name
    found = [task for one in set(ids) if (task := endpoint.tasks.find(one, account))]
    for task in found:
        endpoint.flow.delete(task)
    return succeed({"deleted_count": len(found)})


async def show_progress(endpoint: Endpoint, request: web.Request) -> web.Response:
    """Return how far the account's unfinished tasks are; not part of WaveSpeed's contract, for the page."""
    ahead = {task.id: place for place, task in enumerate(endpoint.tasks.list_in(WAITING))}
    mine = endpoint.tasks.list_in(UNFINISHED, endpoint.account_of(request).name)
    return succeed({"items": [_describe_progress(endpoint, task.id, ahead) for task in mine]})


def _describe_progress(endpoint: Endpoint, task_id: str, ahead: dict[str, int]) -> dict[str, Any]:
    stage, done, total = endpoint.flow.progress.get(task_id, ("", 0, 0))
    return {"id": task_id, "ahead": ahead.get(task_id, 0), "stage": stage, "done": done, "total": total}
