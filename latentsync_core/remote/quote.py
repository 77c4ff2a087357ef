"""What a job costs: asked before anything is uploaded, and again with the uploads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ..errors import BadInputError
from .api import Api
from .job import RemoteJob
from .models import find_model
from .pricing import Quote, bounds, check_balance, check_bounds, settle
from .sources import JobMedia


async def check_affordable(api: Api, job: RemoteJob, media: JobMedia) -> None:
    """Raise before anything is uploaded if the model is not there, or the length alone costs too much.

    BadInputError, OverBudgetError. A host without a list of models refuses nothing.
    """
    model, lengths = find_model(job.model), (media.audio.seconds, media.video.seconds)
    check_bounds(bounds(model, *lengths), job.max_cost_usd)
    listed = await api.models()
    if listed is None:
        return
    if job.model not in listed:
        raise BadInputError(
            f"WaveSpeed lists no model {job.model}.", "Choose one of https://wavespeed.ai/models."
        )
    # WaveSpeed's own client has formulas with the base price for 5 seconds
    model = replace(model, block_usd=listed[job.model])
    check_bounds(bounds(model, *lengths), job.max_cost_usd)


async def quote(api: Api, job: RemoteJob, media: JobMedia, inputs: Mapping[str, str]) -> Quote:
    """What the job with these inputs costs, held against the limit of the run and the account's credit.

    Raises OverBudgetError and NoCreditError.
    """
    model = find_model(job.model)
    expected = bounds(model, media.audio.seconds, media.video.seconds)
    settled = settle(model, expected, await api.price(job.model, inputs), job.max_cost_usd)
    balance = await api.balance()
    check_balance(balance, settled.usd)
    if balance is None:
        return replace(settled, notes=(*settled.notes, "WaveSpeed does not say what the account holds."))
    return settled
