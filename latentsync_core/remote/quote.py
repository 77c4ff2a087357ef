"""Quote a job: from its length before anything is uploaded, and from the host with the uploads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ..errors import BadInputError
from .api import Api
from .job import RemoteJob
from .models import find_model
from .pricing import Bounds, Quote, bound_price, check_balance, check_bounds, settle
from .sources import JobMedia


async def check_affordable(api: Api, job: RemoteJob, media: JobMedia) -> Bounds | None:
    """Check the price by the length against the limit before anything is uploaded, and return its bounds.

    They are None for a model whose price is not published, and for a host with its own prices. Raises OverBudgetError,
    and BadInputError for a model that is not in the host's list; without a list none is refused.
    """
    model, lengths = find_model(job.model), (media.audio.seconds, media.video.seconds)
    expected = None if api.settings.own_host else bound_price(model, *lengths)
    check_bounds(expected, job.max_cost_usd)
    listed = await api.list_models()
    if listed is None:
        return expected
    if job.model not in listed:
        raise BadInputError(
            f"WaveSpeed lists no model {job.model}.", "Choose one of https://wavespeed.ai/models."
        )
    # WaveSpeed's own client takes the base price of the list as that of 5 seconds.
    model = replace(model, block_usd=listed[job.model])
    check_bounds(bound_price(model, *lengths), job.max_cost_usd)
    return expected


async def quote(api: Api, job: RemoteJob, expected: Bounds | None, inputs: Mapping[str, str]) -> Quote:
    """Ask what the job with these inputs costs, and check it against the limit of the run and the account's credit.

    Raises OverBudgetError and NoCreditError.
    """
    quoted = await api.ask_price(job.model, inputs)
    if not quoted and not api.settings.own_host:  # WaveSpeed gives nothing away
        quoted = None
    settled = settle(job.model, expected, quoted, job.max_cost_usd)
    balance = await api.ask_balance()
    check_balance(balance, settled.usd)
    if balance is None:
        return replace(settled, notes=(*settled.notes, "WaveSpeed does not say what the account holds."))
    return settled
