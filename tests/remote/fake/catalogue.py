"""Every fault worth testing, one by one, and every two of them."""

from collections.abc import Iterator
from itertools import combinations

from .contract import CONTRACT
from .faults import FOREVER, Fault

_READS = [
    "ticket",
    "upload",
    "price",
    "balance",
    "account_balance",
    "result",
    "history",
    "delete",
    "billings",
    "models",
]

# What any reply of the API can become. A route's name goes in front.
_ANY_REPLY = [
    "close",
    "hang",
    "cut 20",
    "html",
    "empty",
    "null",
    "code 401",
    "code 500",
    "http 400",
    "http 401",
    "http 402",
    "http 403",
    "http 404",
    "http 405",
    "http 413",
    "http 422",
    "http 429",
    "http 429 retry-after=1",
    "http 429 retry-after=date",
    "http 429 retry-after=86400000",
    "http 429 retry-after=soon",
    "http 500",
    "http 502",
    "http 503 retry-after=2",
    "http 504",
    "down 1",
    "down 600",
]

_LINES = f"""
submit close after
submit hang after
submit cut 0
submit cut 70
submit cut 300
submit html after
submit empty after
submit null after
submit http 302 after
submit http 409 after
submit http 499 after
submit http 500 after
submit http 502 after
submit http 503 after
submit http 504 after
submit no_id
submit other_id

history#1+ lag
history#1-2 lag
history#1+ no_inputs
history#1+ rewritten
history#1+ input
history#1+ lookalike other
history#1+ lookalike twin
history#1+ http 404
server skew 600
server skew -600

result#1-3 http 404
result#1+ http 404
result#1+ http 401
result#1-9 http 503
result#1-9 null
result#1-3 status pending
result#1-3 status created
result#3 status created
result#1-3 status dancing
result#1+ status timeout
result#1+ status deleted
result#1+ status cancelled
result#1+ status canceled
result#1+ outputs none
result#1+ outputs object
result#1+ outputs two
result#1+ outputs null
result#1+ nsfw
result#1+ more
result#1 other_id
result#1+ url http://169.254.169.254/latest/meta-data
result#1+ url http://10.0.0.1/1.mp4
result#1+ url file:///etc/passwd
result#1+ url CDN/media/1.mp4
result#1+ url nonsense
{chr(10).join(f"result#1+ error {code}" for code in CONTRACT["task_codes"])}

ticket no_url
ticket method POST
ticket expired
ticket headers Authorization
ticket headers Host
ticket url file:///etc/passwd
ticket url http://169.254.169.254/x
ticket#1+ http 404
ticket#1+ http 405
put close
put close after
put hang
put hang after
put partial 500
put exists
put http 403
put http 412
put http 500
put http 503 after
put#1+ http 403
put#1+ http 500

price#1+ http 404
price amount 0.01
price amount 500
price amount -1
balance#1+ http 404
balance amount 0

media close
media hang
media html
media empty
media drop 0
media drop 700
media#1-3 drop 700
media stall 700
media no_range
media etag
media length 500
media length -500
media type text/html
media type application/octet-stream
media truncated
media garbage
media#1+ truncated
media#1+ garbage
media#1+ html
media drip 10
media endless
media length 20000000000000
media redirect self
media#1+ redirect self
media redirect cdn
media redirect http://127.0.0.1:1/x
media redirect http://169.254.169.254/x
media redirect file:///etc/passwd
media http 403
media http 404
media#1+ http 403
media#1+ http 404
media http 429 retry-after=1
media http 500
media http 503
media down 1
"""


_DISTINCT = """
submit close
submit close after
submit hang after
submit cut 70
submit http 400
submit http 401
submit http 402
submit http 429 retry-after=1
submit http 502
submit null after
submit no_id
submit other_id
submit down 600
history close
history null
history#1+ lag
history#1-2 lag
history#1+ no_inputs
history#1+ lookalike other
history#1+ lookalike twin
history#1+ http 404
server skew 600
result close
result http 404
result null
result other_id
result http 429 retry-after=86400000
result#1-3 status pending
result#3 status created
result#1+ http 404
result#1+ http 401
result#1+ error 1200
result#1+ error 1400
result#1+ error 1402
result#1+ error 5000
result#1+ status timeout
result#1+ outputs none
result#1+ nsfw
result#1+ url http://169.254.169.254/latest/meta-data
ticket close
ticket expired
ticket no_url
ticket http 400
ticket http 401
ticket http 402
ticket down 600
ticket#1+ http 404
put close after
put partial 500
put exists
put#1+ http 403
upload close
upload http 401
upload http 402
upload http 413
upload down 600
price html
price amount 0.01
price amount 500
price down 600
balance hang
balance down 1
balance down 600
balance amount 0
balance#1+ http 404
account_balance null
account_balance down 1
account_balance down 600
billings hang
models null
models down 1
models down 600
media drop 700
media stall 700
media etag
media no_range
media http 403
media truncated
media down 1
media#1+ garbage
media redirect http://169.254.169.254/x
"""


def _every_fault() -> list[Fault]:
    common = [f"{route} {kind}" for route in ["submit", *_READS] for kind in _ANY_REPLY]
    return [Fault.parse(line) for line in [*common, *_LINES.split("\n")] if line.strip()]


FAULTS: list[Fault] = _every_fault()
DISTINCT: list[Fault] = [Fault.parse(line) for line in _DISTINCT.split("\n") if line]
"""One of each behaviour, at least: a test finds for every other fault one of these that takes a job the same way."""


def pairs(faults: list[Fault]) -> Iterator[tuple[Fault, Fault]]:
    """Every two faults; where both strike the same call, the second strikes the next call instead."""
    for first, second in combinations(faults, 2):
        overlap = first.route == second.route and second.call <= first.last
        if not overlap:
            yield first, second
        elif first.last < FOREVER:
            yield first, second.later(first.last + 1 - second.call)
        elif second.last < FOREVER:
            yield first, second
