"""What a reply means, and how long to wait before the next request: functions without side effects."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from enum import Enum
from functools import cached_property

from ..errors import (
    BadInputError,
    KeyRejectedError,
    MediaUnreachableError,
    ModeratedError,
    NoCreditError,
    RateLimitedError,
    RemoteError,
    ServerTroubleError,
    TaskFailedError,
)
from .keys import ApiKey
from .parse import Envelope, Prediction, parse_envelope, parse_prediction, salvage_id
from .redact import clean_text

Jitter = Callable[[], float]
"""A number in 0..1."""

_NO_CREDIT = ("balance", "credit", "top up", "top-up", "topup", "insufficient fund")
"""Words of a refusal for lack of money: no status for it is documented, 402 is likely."""
_MODERATED = "Choose another video or audio; the same ones will be refused again."

_REFUSALS = frozenset({400, 401, 402, 403, 404, 413, 422, 1200, 1400, 1401, 1402})
"""Codes that are documented as refusals; after others, such as 409 or a redirect, it is not known what was done. Those
from 1200 on stand in an envelope only."""
_SHORTEST_WAIT, _LONGEST_WAIT = 0.5, 300.0


@dataclass(frozen=True)
class Reply:
    """What came back, even if it is only a part or nothing. Names of headers are in lower case."""

    status: int = 0
    """0: no status line arrived."""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    problem: str = ""
    """Why the reply is not complete; "" if it is."""
    reached: bool = True
    """False only where the host cannot have seen the request."""
    key: ApiKey | None = None
    """The key of the request, which the host may have echoed, and which is removed."""

    @cached_property
    def envelope(self) -> Envelope | None:
        """The decoded JSON envelope, if the reply is complete and has one."""
        return None if self.problem else parse_envelope(self.body, self.key)

    @property
    def says(self) -> str:
        """The host's own message, or what is wrong with the reply, for an error."""
        if self.problem:
            return self.problem
        envelope = self.envelope
        what = f"HTTP {self.status}"
        if envelope is None:
            return f"{what} with {'an empty body' if not self.body else 'something that is not JSON'}"
        return f"{what}, code {envelope.code}: {clean_text(envelope.message) or 'no message'}"


class ReplyKind(Enum):
    """What a reply means."""

    OK = "ok"
    REFUSED = "refused"
    """The host refused, in a documented way: nothing was done."""
    WAIT = "wait"
    """Too many requests: nothing was done."""
    UNREACHED = "unreached"
    """The host cannot have seen the request."""
    TROUBLE = "trouble"
    """Anything may have happened."""


def classify(reply: Reply) -> ReplyKind:
    """Return the meaning of a reply; what is not certainly a refusal is TROUBLE."""
    if not reply.reached:
        return ReplyKind.UNREACHED
    if 300 <= reply.status < 500:
        return _classify_code(reply.status)
    # A status from 500 on may come from a gateway, while the host behind it has done what was asked.
    envelope = reply.envelope
    if not 200 <= reply.status < 300 or envelope is None:
        return ReplyKind.TROUBLE
    if envelope.code != 200:
        return _classify_code(envelope.code)
    return ReplyKind.TROUBLE if envelope.data is None else ReplyKind.OK


def _classify_code(code: int) -> ReplyKind:
    """Return the meaning of an HTTP status, or of the code in an envelope."""
    if code == 429:
        return ReplyKind.WAIT
    return ReplyKind.REFUSED if code in _REFUSALS else ReplyKind.TROUBLE


def find_accepted_id(reply: Reply) -> str:
    """Return the id of the task that a submit created, even from a reply that was cut off after it; else "".

    Only a success counts: the id on an error page is that of a request.
    """
    if not 200 <= reply.status < 300:
        return ""
    if reply.problem:
        return salvage_id(reply.body)
    prediction = parse_prediction(reply.envelope.data) if reply.envelope else None
    return prediction.id if prediction else ""


def build_refusal(reply: Reply, doing: str) -> RemoteError:
    """Return the error for a reply that is not OK; `doing` completes "WaveSpeed ... <doing>". Nothing was bought."""
    kind = classify(reply)
    if kind is ReplyKind.WAIT:
        return RateLimitedError(
            f"WaveSpeed allows no more requests {doing} ({reply.says}).", "Run again in some minutes."
        )
    if kind is not ReplyKind.REFUSED:
        return ServerTroubleError(
            f"WaveSpeed cannot be reached, or answers nonsense, {doing} ({reply.says}).",
            "Check the connection, then run again; it goes on where it stopped.",
        )
    code = code_of(reply)
    if code == 402 or any(word in reply.says.lower() for word in _NO_CREDIT):
        return NoCreditError(
            f"The WaveSpeed account has too little credit {doing} ({reply.says}).",
            "Top up at https://wavespeed.ai/billing, then run again.",
        )
    if code in (401, 403):
        return KeyRejectedError(
            f"WaveSpeed refuses the key {doing} ({reply.says}).",
            "Check the key; a new one works only after the first top-up, and its role must allow this.",
        )
    if code == 1200:
        return ModeratedError(f"WaveSpeed's content moderation refuses the media ({reply.says}).", _MODERATED)
    return BadInputError(
        f"WaveSpeed refuses the request {doing} ({reply.says}).",
        "Check the model and the media; shorter or smaller files may pass.",
    )


def code_of(reply: Reply) -> int:
    """Return the HTTP status of a reply, or, where that is a success, the code in its envelope."""
    envelope = reply.envelope
    return reply.status if reply.status >= 300 or envelope is None else envelope.code


def build_task_error(prediction: Prediction) -> RemoteError:
    """Return the error for a task that failed."""
    words = f"code {prediction.code}: {clean_text(prediction.error) or 'no reason given'}"
    # Only "failed" is documented to be refunded; a task that was cancelled or timed out may be billed.
    failed = prediction.status.lower() == "failed"
    again = "Run again to buy it anew" if failed else "A new take (--take 2) buys it anew"
    known = {"prediction_id": prediction.id, "charge": "refunded" if failed else "possible"}
    if prediction.code == 1402:
        return MediaUnreachableError(
            f"WaveSpeed could not read the media that were uploaded ({words}).",
            f"{again}; the media are uploaded anew.",
            **known,
        )
    if prediction.code == 1200:
        return ModeratedError(
            f"WaveSpeed's content moderation refuses the media ({words}).", _MODERATED, **known
        )
    if prediction.code in (1400, 1401):
        return BadInputError(
            f"The model refuses the media or a parameter ({words}).",
            "Try another format or a shorter clip.",
            **known,
        )
    return TaskFailedError(
        f"The task ended as {clean_text(prediction.status)} at WaveSpeed ({words}).",
        f"{again}.",
        **known,
    )


def iterate_delays(jitter: Jitter = random.random) -> Iterator[float]:
    """Yield seconds between requests for a running task: 3, 5, then 1.3 times more up to 10, each +-20 %."""
    yield _spread(3.0, jitter)
    delay = 5.0
    while True:
        yield _spread(delay, jitter)
        delay = min(10.0, delay * 1.3)


def compute_backoff(failures: int, jitter: Jitter = random.random) -> float:
    """Return seconds to wait after 1, 2, 3 ... failures in a row: anything up to 1, 2, 4 ... 30 (full jitter)."""
    return max(0.1, min(30.0, 2.0 ** min(failures - 1, 10)) * jitter())


def compute_wait(reply: Reply, now: float, jitter: Jitter = random.random) -> float:
    """Return seconds to wait after a 429: what `Retry-After` asks for, within 0.5 to 300, else 30 to 60."""
    text = reply.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        seconds = float(text[:12])
    elif (date := parse_http_date(text)) is not None:
        seconds = date - now
    else:
        return 30 + 30 * jitter()
    return min(max(seconds, _SHORTEST_WAIT), _LONGEST_WAIT)


def parse_http_date(text: str) -> float | None:
    """Return a header's date in seconds since 1970, or None."""
    try:
        return parsedate_to_datetime(text).timestamp()
    except (TypeError, ValueError, OverflowError, IndexError, OSError):  # OSError: on Windows, before 1970
        return None


def _spread(seconds: float, jitter: Jitter) -> float:
    return seconds * (0.8 + 0.4 * jitter())
