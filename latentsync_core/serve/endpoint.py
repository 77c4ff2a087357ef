"""The parts of an endpoint, put together."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from ..errors import OptionError
from .accounts import Account, Accounts
from .fetch import Fetcher
from .flow import TaskFlow
from .gate import Gate
from .outside import Outside
from .settings import ServeSettings
from .store import Store
from .tasks import Tasks
from .uploads import Uploads
from .webhook import Webhooks
from .worker import TaskWorker

MODEL_IDS = ("bytedance/latentsync", "wavespeed-ai/latentsync")
"""The hosted models of this form that are LatentSync; both are the owner's."""


@dataclass(frozen=True)
class Endpoint:
    """What the calls work with."""

    settings: ServeSettings
    accounts: Accounts
    tasks: Tasks
    uploads: Uploads
    outside: Outside
    fetcher: Fetcher
    gate: Gate
    webhooks: Webhooks
    flow: TaskFlow

    @classmethod
    def assemble(cls, settings: ServeSettings, store: Store, gate: Gate, worker: TaskWorker) -> Endpoint:
        """Put an endpoint together; raises OptionError for keys that cannot be used, or have no credit for a price."""
        tasks, uploads, outside = Tasks(store), Uploads(store), Outside(settings.allow_private)
        fetcher = Fetcher(uploads, outside, settings.limits.largest_bytes)
        webhooks = Webhooks(outside, store.make_secret("webhooks"))
        flow = TaskFlow(settings, tasks, uploads, fetcher, gate, worker, webhooks)
        accounts = Accounts.read(settings.keys)
        if settings.price_usd and not accounts.have_credit:
            raise OptionError(
                "With a price, each line of --keys FILE names the account's credit: NAME KEY CREDIT."
            )
        return cls(settings, accounts, tasks, uploads, outside, fetcher, gate, webhooks, flow)

    def account_of(self, request: web.Request) -> Account:
        """Return whose request it is; raises Refusal 401."""
        return self.accounts.identify(request.headers.get("Authorization", ""))

    def origin_of(self, request: web.Request) -> str:
        """Return scheme, host and port under which a client reaches the endpoint."""
        return self.settings.public_url.rstrip("/") or f"{request.scheme}://{request.host}"
