"""All calls of an endpoint by their paths, and who is let in to them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

from aiohttp import ClientPayloadError, web

from ..addresses import is_loopback
from ..errors import OutputError
from .answers import Refusal
from .calls.account import list_models, search_bills, tell_balance, tell_price, tell_webhook_secret
from .calls.files import send_result, send_upload
from .calls.page import send_page
from .calls.submit import submit_task
from .calls.tasks import delete_tasks, get_task, search_tasks, show_progress
from .calls.uploads import give_ticket, put_file, take_form
from .endpoint import Endpoint

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler, Middleware

Call = Callable[[Endpoint, web.Request], Awaitable[web.StreamResponse]]

_API = "/api/v3"
_LONGEST_JSON = 2**20

CALLS: list[tuple[str, str, Call]] = [
    ("GET", "/", send_page),
    ("POST", f"{_API}/media/uploads", give_ticket),
    ("PUT", "/bucket/{put_token}/{name}", put_file),
    ("POST", f"{_API}/media/upload/binary", take_form),
    ("GET", "/media/uploads/{token}/{name}", send_upload),
    ("POST", f"{_API}/model/price", tell_price),
    ("GET", f"{_API}/predictions/{{id}}/result", get_task),
    ("GET", f"{_API}/predictions/{{id}}", get_task),
    ("GET", "/media/results/{token}/1.mp4", send_result),
    ("GET", f"{_API}/progress", show_progress),
    ("POST", f"{_API}/predictions", search_tasks),
    ("POST", f"{_API}/predictions/delete", delete_tasks),
    ("GET", f"{_API}/models", list_models),
    ("GET", f"{_API}/balance", tell_balance),
    ("GET", f"{_API}/account/balance", tell_balance),
    ("POST", f"{_API}/billings/search", search_bills),
    ("GET", f"{_API}/webhook/secret", tell_webhook_secret),
    ("POST", f"{_API}/{{model:.+}}", submit_task),  # last: its path takes any model's id
]
"""Method, path and function of each call; those below /api want a key."""


def build_app(endpoint: Endpoint) -> web.Application:
    """Return the web application of an endpoint."""
    app = web.Application(client_max_size=_LONGEST_JSON, middlewares=[_make_guard(endpoint)])
    for method, path, call in CALLS:
        app.router.add_route(method, path, partial(call, endpoint))
        if method == "GET" and path.startswith("/media/"):
            app.router.add_route("HEAD", path, partial(call, endpoint))
    return app


def _make_guard(endpoint: Endpoint) -> Middleware:
    """Return the middleware that all requests pass: it lets in, and puts refusals into the envelope."""

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            _refuse_other_sites(endpoint, request)
            if request.path.startswith("/api/"):
                endpoint.account_of(request)
            return await handler(request)
        except Refusal as refusal:
            return refusal.to_response()
        except web.HTTPException as exc:
            return Refusal(exc.status, exc.reason).to_response()
        except (ClientPayloadError, ConnectionError):
            return Refusal(400, "the body broke off").to_response()
        except OutputError:
            return Refusal(503, "the disk is full, or cannot be written to", retry_after=60).to_response()

    return guard


def _refuse_other_sites(endpoint: Endpoint, request: web.Request) -> None:
    """Refuse what a page of another site makes a browser ask, and names that lead it here (DNS rebinding)."""
    origin = request.headers.get("Origin")
    if origin is not None and origin != endpoint.origin_of(request):
        raise Refusal(403, "pages of other sites may not use this endpoint")
    if endpoint.accounts.open and not is_loopback(request.url.host or ""):
        raise Refusal(403, "without keys this endpoint answers to localhost and 127.0.0.1 only")
