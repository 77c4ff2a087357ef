"""What a reply means, and how long is waited, without a socket."""

import json
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentsync_core import errors
from latentsync_core.remote.parse import Prediction
from latentsync_core.remote.replies import (
    Reply,
    ReplyKind,
    build_refusal,
    build_task_error,
    classify,
    compute_backoff,
    compute_wait,
    find_accepted_id,
    iterate_delays,
)


def reply(status=200, code=200, message="success", data=None, **other):
    body = json.dumps({"code": code, "message": message, "data": data}).encode()
    return Reply(status, body=body, **other)


ID = {"id": "0123abcdef", "status": "created"}
HTML = Reply(200, body=b"<html>")


@pytest.mark.parametrize(
    ("given", "verdict"),
    [(reply(data=ID), ReplyKind.OK), (reply(data=None), ReplyKind.TROUBLE), (HTML, ReplyKind.TROUBLE),
     (Reply(200), ReplyKind.TROUBLE), (reply(500), ReplyKind.TROUBLE), (Reply(504), ReplyKind.TROUBLE),
     (reply(code=500), ReplyKind.TROUBLE), (reply(code=5004), ReplyKind.TROUBLE), (reply(408), ReplyKind.TROUBLE),
     (reply(code=0), ReplyKind.TROUBLE), (reply(code=401), ReplyKind.REFUSED), (reply(code=1200), ReplyKind.REFUSED),
     (reply(404), ReplyKind.REFUSED), (Reply(302), ReplyKind.TROUBLE), (reply(code=1403), ReplyKind.TROUBLE), (reply(code=409), ReplyKind.TROUBLE), (reply(429), ReplyKind.WAIT),
     (reply(code=429), ReplyKind.WAIT), (Reply(problem="x"), ReplyKind.TROUBLE),
     (Reply(problem="x", reached=False), ReplyKind.UNREACHED), (reply(data=ID, problem="cut"), ReplyKind.TROUBLE)],
)  # fmt: skip
def test_verdicts(given, verdict):
    assert classify(given) is verdict


@given(st.integers(500, 599) | st.just(200), st.binary(max_size=50), st.booleans())
def test_only_a_clear_no_is_a_refusal(status, body, broken):
    """Anything the host might have acted on must not look as if it could be sent again."""
    verdict = classify(Reply(status, body=b"x" + body, problem="broken" if broken else ""))
    assert verdict is ReplyKind.TROUBLE


@pytest.mark.parametrize("status", range(300, 500))
def test_only_documented_refusals_say_that_nothing_was_done(status):
    expected = ReplyKind.WAIT if status == 429 else ReplyKind.TROUBLE
    if status in (400, 401, 402, 403, 404, 413, 422):
        expected = ReplyKind.REFUSED
    assert classify(reply(status)) is classify(reply(code=status)) is expected


def test_a_task_is_recognised_by_its_id():
    assert find_accepted_id(reply(data=ID)) == "0123abcdef"
    assert (
        find_accepted_id(reply(code=5004, data=ID)) == "0123abcdef"
    )  # sync mode timed out: the task goes on
    assert (
        find_accepted_id(Reply(200, body=b'{"data": {"id": "0123abcdef", "mo', problem="cut")) == "0123abcdef"
    )
    assert find_accepted_id(Reply(200, body=b'{"data": {"id": "0123abc', problem="cut")) == ""
    assert find_accepted_id(reply(400, data=ID)) == "" and find_accepted_id(HTML) == ""


@pytest.mark.parametrize("status", [0, 200, 201, 302, 409, 499, 500, 502, 504])
@pytest.mark.parametrize("problem", ["", "cut"])
@pytest.mark.parametrize(
    "body",
    ['<script>{"data": {"id": "req-1234567"}}</script>', 'id: {"data": {"id": "req-1234567"', '"id":"req-1234567"',
     '[{"data": {"id": "req-1234567"', '{"trace": {"id": "req-1234567"}, "data": {', '{"id": "req-1234567", ',
     '{"message": "{\\"data\\": {\\"id\\": \\"req-1234567\\"}}", '],
)  # fmt: skip
def test_an_id_in_a_page_is_no_task(status, problem, body):
    assert find_accepted_id(Reply(status, body=body.encode(), problem=problem)) == ""


@pytest.mark.parametrize("status", [0, 302, 409, 502])
def test_an_id_in_a_failure_is_no_task(status):
    assert (
        find_accepted_id(reply(status, data=ID))
        == find_accepted_id(reply(status, data=ID, problem="cut"))
        == ""
    )


@pytest.mark.parametrize(
    ("given", "kind"),
    [(reply(401), errors.KeyRejectedError), (reply(403), errors.KeyRejectedError), (reply(402), errors.NoCreditError),
     (reply(400, message="Insufficient balance"), errors.NoCreditError), (reply(413), errors.BadInputError),
     (reply(code=1401), errors.BadInputError), (reply(code=1200), errors.ModeratedError),
     (reply(429), errors.RateLimitedError), (Reply(502), errors.ServerTroubleError),
     (Reply(problem="x", reached=False), errors.ServerTroubleError)],
)  # fmt: skip
def test_refusals(given, kind):
    error = build_refusal(given, "now")
    assert type(error) is kind and "No money was spent" in str(error) and error.charge == "none"


@pytest.mark.parametrize(
    ("code", "kind"),
    [(1200, errors.ModeratedError), (1401, errors.BadInputError), (1402, errors.MediaUnreachableError),
     (1403, errors.TaskFailedError), (5000, errors.TaskFailedError), (0, errors.TaskFailedError)],
)  # fmt: skip
def test_failed_tasks(code, kind):
    error = build_task_error(Prediction("0123abcdef", status="failed", error="because", code=code))
    assert type(error) is kind
    assert "because" in str(error) and "0123abcdef" in str(error) and "refunded" in str(error)


def test_what_a_host_says_is_cut_and_cleaned():
    said = build_refusal(reply(400, message="see https://h/x?sig=SECRET \x1b[31m" + "a" * 2000), "now")
    assert "SECRET" not in str(said) and "\x1b" not in str(said) and len(str(said)) < 900


@given(st.integers(1, 10**6), st.floats(0, 1))
def test_backoff_is_bounded(failures, chance):
    assert 0.1 <= compute_backoff(failures, lambda: chance) <= 30
    assert compute_backoff(failures, lambda: chance) <= max(0.1, 2.0 ** min(failures - 1, 20))


@given(st.floats(0, 1))
def test_polling_slows_down_to_ten_seconds(chance):
    delays = list(islice(iterate_delays(lambda: chance), 12))
    assert 2.39 < delays[0] < 3.61 and 7.99 < delays[-1] < 12.01 and delays == sorted(delays)


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [("5", 5, 5), ("0", 0.5, 0.5), ("86400000", 300, 300), ("9" * 400, 300, 300), ("soon", 30, 60), ("", 30, 60),
     ("-3", 30, 60), ("Thu, 01 Jan 1970 00:01:47 GMT", 7, 7), ("Thu, 01 Jan 1970 00:00:00 GMT", 0.5, 0.5)],
)  # fmt: skip
def test_retry_after(text, low, high):
    assert low <= compute_wait(Reply(429, {"retry-after": text}), now=100.0) <= high


@given(st.text("0159 -:,.eGMT\u00e9\u0665", max_size=40))
def test_no_retry_after_breaks_the_wait(text):
    assert 0.5 <= compute_wait(Reply(429, {"retry-after": text}), now=1e9) <= 300
