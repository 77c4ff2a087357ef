"""A fake WaveSpeed to try the remote client on: ``python tests/remote/fake_wavespeed.py --port 8123``.

It prints what to set in the shell of the client, and then what it is asked. Ctrl-C prints what was bought.
"""

import argparse
import sys
import time
from pathlib import Path

if not __package__:  # run by its path
    sys.path.insert(0, str(Path(__file__).parents[1]))
    __package__ = "remote"

from .fake import (  # noqa: E402
    DISTINCT,
    FAULTS,
    AsyncImpatientTransport,
    FakeWaveSpeed,
    Fault,
    ImpatientTransport,
    demo_audio,
    demo_video,
    pairs,
)

__all__ = [
    "DISTINCT",
    "FAULTS",
    "AsyncImpatientTransport",
    "FakeWaveSpeed",
    "Fault",
    "ImpatientTransport",
    "demo_audio",
    "demo_video",
    "pairs",
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--credit", type=float, default=10.0, help="dollars on the account")
    parser.add_argument("--run-seconds", type=float, default=20.0, help="how long a task takes")
    parser.add_argument(
        "--fault", action="append", default=[], help="such as 'submit#1 hang after'; repeatable"
    )
    arguments = parser.parse_args()
    faults = arguments.fault
    with FakeWaveSpeed(
        *faults, port=arguments.port, credit=arguments.credit, run_seconds=arguments.run_seconds
    ) as fake:
        print(f"export WAVESPEED_BASE_URL={fake.base_url} WAVESPEED_ALLOW_INSECURE_LOOPBACK=1")
        print(f"export WAVESPEED_API_KEY={fake.key}", flush=True)
        try:
            _report(fake)
        except KeyboardInterrupt:
            print(f"{len(fake.ledger.tasks)} tasks, ${fake.ledger.dollars:.2f}")


def _report(fake: FakeWaveSpeed) -> None:
    """Print what is asked and what the contract forbids, as it happens."""
    calls = violations = 0
    while True:
        for line in fake.calls[calls:]:
            print(line, flush=True)
        for line in fake.violations[violations:]:
            print(f"against the contract: {line}", flush=True)
        calls, violations = len(fake.calls), len(fake.violations)
        time.sleep(0.2)


if __name__ == "__main__":
    main()
