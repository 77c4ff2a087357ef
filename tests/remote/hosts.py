"""The two hosts that have to keep the contract, to the tests alike: the fake, and `latentsync serve`."""

from decimal import Decimal

from serve.served import Served

from latentsync_core.serve.measure import measure_media

from .fake import FakeWaveSpeed


class FakeHost:
    """The fake, in which tasks end when its clock is pushed."""

    def __init__(self, folder):
        self.fake = FakeWaveSpeed()

    def __enter__(self):
        self.fake.__enter__()
        self.origin, self.base_url, self.key = self.fake.origin, self.fake.base_url, self.fake.key
        return self

    def __exit__(self, *exc):
        self.fake.__exit__(*exc)

    def begin(self):
        """Let the tasks begin."""
        self.fake.clock.advance(12)

    def end(self):
        """Let the tasks end."""
        self.fake.clock.advance(60)

    def leave(self, left):
        """Leave so many dollars on the account."""
        self.fake.ledger.credit = left

    @property
    def count(self):
        """How many tasks there are."""
        return len(self.fake.ledger.tasks)

    @property
    def dollars(self):
        """What they cost."""
        return self.fake.ledger.dollars


class ServeHost:
    """The real endpoint with a stand-in for the computation, which is held until the tests let it go."""

    def __init__(self, folder):
        keys = "anna wsk_test_0123456789abcdef 10\n"
        self._served = Served(folder, gate=MeasuringGate(), price_usd=Decimal("0.15"), keys=keys)
        self._served.worker.held = True

    def __enter__(self):
        served = self._served.__enter__()
        self.origin, self.base_url, self.key = served.origin, served.base_url, served.key
        return self

    def __exit__(self, *exc):
        self._served.worker.held = False
        self._served.__exit__(*exc)

    def begin(self):
        self._served.until(lambda: self._served.worker.begun)

    def end(self):
        self._served.worker.held = False
        self._served.until(lambda: self._served.ask(self._served.endpoint.tasks.count_unfinished) == 0)

    def leave(self, left):
        self._served.give_credit(left)

    @property
    def count(self):
        return self._served.count()

    @property
    def dollars(self):
        return 10 - self._served.web.get("/balance").json()["data"]["balance"]


class MeasuringGate:
    """The real measuring, without a process of its own."""

    async def measure(self, kind, path):
        return measure_media(kind, path, None)

    def close(self):
        pass
