"""Replies are read field by field, and no reply breaks the reader."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentsync_core.remote.parse import (
    Phase,
    Prediction,
    has_inputs,
    parse_envelope,
    parse_prediction,
    parse_price,
    parse_ticket,
    salvage_id,
)

LETTERS = "azAZ09 -_.:/?%\x00\x1b\u00e9\ud7ff\U0001f600"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(LETTERS, max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(LETTERS, max_size=12), inner, max_size=4)
    ),
    max_leaves=20,
)
FIELDS = ["id", "model", "status", "outputs", "urls", "has_nsfw_contents", "created_at", "error", "timings", "inputs",
          "code", "price", "discounted_price", "upload", "download_url"]  # fmt: skip
REPLY = {
    "id": "0123abcdef",
    "model": "bytedance/latentsync",
    "outputs": ["https://cdn.wavespeed.ai/1.mp4"],
    "urls": {"get": "https://api.wavespeed.ai/api/v3/predictions/0123abcdef/result"},
    "has_nsfw_contents": [False],
    "status": "completed",
    "created_at": "2023-04-01T12:34:56.789Z",
    "error": "",
    "timings": {"inference": 12345},
}


def test_every_field_of_the_page_is_read():
    body = json.dumps({"code": 200, "message": "success", "data": REPLY}).encode()
    envelope = parse_envelope(body)
    assert (envelope.code, envelope.message) == (200, "success")
    assert parse_prediction(envelope.data) == Prediction(
        "0123abcdef",
        "bytedance/latentsync",
        "completed",
        ("https://cdn.wavespeed.ai/1.mp4",),
        "https://api.wavespeed.ai/api/v3/predictions/0123abcdef/result",
        (False,),
        "2023-04-01T12:34:56.789Z",
        "",
        12345,
    )
    assert parse_prediction(REPLY).created == 1680352496.789


@given(st.dictionaries(st.sampled_from(FIELDS), JSON))
def test_no_reply_breaks_the_reader(data):
    parse_prediction(data)
    parse_price(data)
    parse_ticket(data)
    prediction = parse_prediction(data | {"id": "0123abcdef"})
    assert prediction.phase in Phase and all(isinstance(url, str) for url in prediction.outputs)
    assert prediction.created is None or isinstance(prediction.created, float)


@given(st.binary(max_size=60))
def test_no_bytes_break_the_reader(body):
    parse_envelope(body)
    assert salvage_id(body) == "" or salvage_id(body).encode() in body


@given(st.integers(0, len(json.dumps({"code": 200, "message": "success", "data": REPLY}))))
def test_an_id_is_saved_from_a_reply_cut_anywhere_after_it(cut):
    body = json.dumps({"code": 200, "message": "success", "data": REPLY}).encode()
    whole = body.index(b"0123abcdef") + len("0123abcdef") + 1
    assert salvage_id(body[:cut]) == ("0123abcdef" if cut >= whole else "")


def test_half_a_character_is_replaced_where_it_is_decoded():
    """Nothing could write it down: neither SQLite nor a terminal."""
    body = json.dumps({"message": "a\ud83d", "data": [{"b\udfff": "c\ud83d\ude00\udc00"}]}).encode()
    envelope = parse_envelope(body)
    assert (envelope.message, envelope.data) == ("a?", [{"b?": "c\U0001f600?"}])


@pytest.mark.parametrize(
    "identity", ["", "short", "../../etc", "a" * 129, "id with space", 17, None, ["x" * 9]]
)
def test_an_id_that_does_not_belong_into_a_path_is_none(identity):
    assert parse_prediction(REPLY | {"id": identity}) is None


@pytest.mark.parametrize(
    ("status", "phase"),
    [("created", Phase.RUNNING), ("pending", Phase.RUNNING), ("dancing", Phase.RUNNING), ("", Phase.RUNNING),
     ("completed", Phase.COMPLETED), ("failed", Phase.FAILED), ("cancelled", Phase.FAILED),
     ("canceled", Phase.FAILED), ("timeout", Phase.FAILED), ("deleted", Phase.FAILED)],
)  # fmt: skip
def test_statuses(status, phase):
    assert Prediction("0123abcdef", status=status).phase is phase


@pytest.mark.parametrize(
    ("data", "price"),
    [({"price": 0.3, "discounted_price": 0.2}, "0.3"), ({"price": 0.1}, "0.1"), ({"price": "0.45"}, "0.45"),
     ({"price": -1}, None), ({"price": float("nan")}, None), ({"price": True}, None), ({}, None), (None, None),
     ({"price": 0}, "0"), ({"price": "1e999999"}, None), ({"price": "1" * 5000}, None), ({"price": 1e-5}, "0.00001")],
)  # fmt: skip
def test_prices(data, price):
    assert parse_price(data) == (None if price is None else Decimal(price))


def ticket(**changes):
    upload = {"method": "PUT", "url": "https://store/x", "headers": {"If-None-Match": "*"}} | changes
    return {"download_url": "https://cdn/x", "upload": upload}


def test_tickets():
    assert parse_ticket(ticket()).headers == {"If-None-Match": "*"}
    assert parse_ticket(ticket(method="POST")) is None
    assert parse_ticket(ticket(url=None)) is None
    assert parse_ticket({"upload": ticket()["upload"]}) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [("Authorization", "x"), ("HOST", "x"), ("Transfer-Encoding", "chunked"), ("Content-Length", "1"),
     ("X-Ok", "a\r\nHost: evil"), ("X Y", "1"), ("X-Ok", 5)],
)  # fmt: skip
def test_a_ticket_cannot_plant_headers(name, value):
    assert parse_ticket(ticket(headers={name: value})) is None


def test_whose_task_it_is():
    ours = {"audio": "https://up/a.wav?sig=1", "video": "https://up/v.mp4?sig=2"}

    def verdict(**inputs):
        return has_inputs(Prediction("0123abcdef", inputs=inputs), ours)

    assert verdict(audio="https://up/a.wav?sig=9", video="https://up/v.mp4", seed=1) is True
    assert verdict(audio="https://up/a.wav", video="https://up/other.mp4") is False
    assert verdict(audio="https://copy/1", video="https://copy/2") is None
    assert verdict() is None and verdict(audio=1, video=[]) is None
    assert verdict(audio="http://[", video="//[") is None
