"""The real host, by calls that cost nothing. Runs only with WAVESPEED_LIVE=1 and a key in the environment."""

import asyncio
import time

from latentsync_core.remote import DEFAULT_MODEL, Settings
from latentsync_core.remote.api import Api
from latentsync_core.remote.clock import SYSTEM_CLOCK
from latentsync_core.remote.exchange import open_client


async def ask():
    settings = Settings.from_environment()
    async with open_client(settings, None) as client:
        api = Api(client, settings, settings.require_key(), SYSTEM_CLOCK)
        return (
            await api.ask_balance(),
            await api.ask_price(DEFAULT_MODEL, {}),
            await api.list_tasks("", time.time() - 60, time.time()),
        )


def test_free_calls_answer_as_the_contract_says():
    balance, price, history = asyncio.run(ask())
    assert balance is not None and price is not None and history is not None
