"""The arguments of `remote`."""

from __future__ import annotations

import argparse
from decimal import Decimal
from pathlib import Path

from .inputs import add_inputs
from .values import parse_count, parse_dollars, parse_pair


def add_remote(parser: argparse.ArgumentParser) -> None:
    """Add the actions of `remote` and their arguments."""
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    sync = actions.add_parser(
        "sync", help="buy a lip-sync; the same command again goes on, and never buys twice"
    )
    price = actions.add_parser("price", help="say what `sync` would cost (uploads the files, buys nothing)")
    for action, function in ((sync, "buy"), (price, "price")):
        action.set_defaults(run=("remote", function))
        add_inputs(action)
        action.add_argument(
            "--model", default="bytedance/latentsync", help="its id at WaveSpeed (default: %(default)s)"
        )
        action.add_argument(
            "--param", type=parse_pair, action="append", default=[], metavar="NAME=VALUE", help="of the model"
        )
    sync.add_argument("output", type=Path, metavar="OUT", help=".mp4")
    sync.add_argument(
        "--max-cost",
        type=parse_dollars,
        default=Decimal(1),
        metavar="USD",
        help="at most so much (default: 1)",
    )
    sync.add_argument(
        "--take", type=parse_count, default=1, help="another number buys another result (default: 1)"
    )
    sync.add_argument("--dry-run", action="store_true", help="stop after the quote")
    sync.add_argument("--report", type=Path, metavar="FILE.json", help="write what was done to a file")
    jobs = actions.add_parser("jobs", help="list what was bought, and how far it came")
    jobs.set_defaults(run=("remote", "list_jobs"))
    jobs.add_argument("--limit", type=parse_count, default=20, help="so many (default: %(default)s)")
    resume = actions.add_parser("resume", help="wait for a prediction and fetch its result; buys nothing")
    resume.set_defaults(run=("remote", "resume"))
    resume.add_argument("id", metavar="ID", help="the prediction's id, see `jobs`")
    resume.add_argument(
        "output", type=Path, nargs="?", metavar="OUT", help=".mp4 (default: what its job named)"
    )
    balance = actions.add_parser("balance", help="say what the account holds")
    balance.set_defaults(run=("remote", "print_balance"))
    forget = actions.add_parser("forget", help="delete a task that has ended, at WaveSpeed")
    forget.set_defaults(run=("remote", "delete"))
    forget.add_argument("id", metavar="ID", help="the prediction's id, see `jobs`")
    key = actions.add_parser("key", help="keep the WaveSpeed key").add_subparsers(
        required=True, metavar="ACTION"
    )
    key.add_parser("set", help="ask for the key and keep it").set_defaults(run=("remote", "set_key"))
