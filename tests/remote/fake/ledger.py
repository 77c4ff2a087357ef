"""The books of the fake host: what was ordered, what it costs, and how far each task is at a given time."""

import math
import uuid
from dataclasses import dataclass, field

from .contract import CONTRACT

BLOCK_SECONDS = CONTRACT["price"]["block_seconds"]["value"]
BLOCK_DOLLARS = CONTRACT["price"]["block_dollars"]["value"]
REFUND_AFTER = 3 * 3600


def price_of(audio_seconds: float) -> float:
    """Dollars for that much audio: by whole seconds, at least one block."""
    seconds = max(BLOCK_SECONDS, math.ceil(round(audio_seconds, 3)))
    return round(seconds / BLOCK_SECONDS * BLOCK_DOLLARS, 4)


@dataclass
class Task:
    """One prediction; times are UTC seconds."""

    model: str
    inputs: dict[str, str]
    created: float
    price: float
    queue_seconds: float
    run_seconds: float
    failure: tuple[int, str] | None = None
    foreign: bool = False
    deleted: bool = False
    id: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def ends(self) -> float:
        return self.created + self.queue_seconds + self.run_seconds

    def status(self, now: float) -> str:
        if now < self.created + self.queue_seconds:
            return "created"
        if now < self.ends:
            return "processing"
        return "failed" if self.failure else "completed"

    def refunded(self, now: float) -> bool:
        return self.failure is not None and now >= self.ends + REFUND_AFTER


class Ledger:
    """Every task since the start. `foreign` ones were not ordered by the client: they only stand in the history."""

    def __init__(self, credit: float) -> None:
        self.credit = credit
        self.all: list[Task] = []

    @property
    def tasks(self) -> list[Task]:
        """What the client ordered."""
        return [task for task in self.all if not task.foreign]

    @property
    def dollars(self) -> float:
        """What the client was charged, refunds not taken off."""
        return round(sum(task.price for task in self.tasks), 4)

    def balance(self, now: float) -> float:
        return round(self.credit - sum(t.price for t in self.tasks if not t.refunded(now)), 4)

    def find(self, task_id: str) -> Task | None:
        return next((task for task in self.all if task.id == task_id and not task.deleted), None)

    def delete(self, task_ids: list[str]) -> int:
        """Take tasks out of the history; what they cost stays charged."""
        found = [task for task in self.all if task.id in task_ids and not task.deleted]
        for task in found:
            task.deleted = True
        return len(found)
