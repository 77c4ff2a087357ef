"""Tell a client's own server that a task has ended, signed as WaveSpeed's documentation says."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

from .failure import TaskFailure
from .outside import CONNECTION_ERRORS, Outside
from .tasks import Order

_PREFIX = "whsec_"


class Webhooks:
    """Signed calls to the URLs that clients name."""

    def __init__(self, outside: Outside, secret: str) -> None:
        """secret: of the endpoint; those of the accounts are made of it."""
        self._outside, self._secret = outside, secret

    def secret_of(self, account: str) -> str:
        """Return the secret with which an account checks the calls it gets."""
        return _PREFIX + hmac.new(self._secret.encode(), account.encode(), hashlib.sha256).hexdigest()

    async def call(self, order: Order, event: str, content: Mapping[str, Any]) -> bool:
        """Post JSON to the URL of an order, once, and return whether its server took it.

        event: the same for each call about the same thing, so that a server knows it again.
        """
        body = json.dumps(content).encode()
        headers = {
            "Content-Type": "application/json",
            **self._sign(order.account, event, int(time.time()), body),
        }
        try:
            reached = await self._outside.reach(order.webhook)
            async with self._outside.open_client() as client, client.stream(
                "POST", reached.url, content=body, headers=headers | dict(reached.headers),
                extensions=dict(reached.extensions),
            ) as response:  # fmt: skip
                return response.is_success
        except (TaskFailure, *CONNECTION_ERRORS):
            return False

    def _sign(self, account: str, event: str, timestamp: int, body: bytes) -> dict[str, str]:
        """Return the headers; source of the format: https://wavespeed.ai/docs/verify-webhooks."""
        signed = f"{event}.{timestamp}.".encode() + body
        key = self.secret_of(account).removeprefix(_PREFIX).encode()
        signature = hmac.new(key, signed, hashlib.sha256).hexdigest()
        return {
            "webhook-id": event,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": f"v3,{signature}",
        }
