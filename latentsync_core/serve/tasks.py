"""Tasks as the store keeps them."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, fields
from typing import Any

from .states import ENDED, TASK_TRANSITIONS, UNFINISHED, TaskState
from .store import Store


@dataclass(frozen=True)
class Order:
    """What a client asks for by a submit."""

    account: str
    model: str
    audio: str
    """URL."""
    video: str
    """URL."""
    origin: str
    """Scheme, host and port under which the client reaches the endpoint."""
    webhook: str = ""
    idempotency_key: str = ""

    @property
    def inputs(self) -> dict[str, str]:
        """The media by the names of the contract."""
        return {"audio": self.audio, "video": self.video}


@dataclass(frozen=True)
class Task:
    """What is computed for an order. Times are seconds since 1970."""

    number: int
    """Rises with every task, so that the oldest is done first."""
    id: str
    result_token: str
    """Part of the result's URL: who has it may read the result."""
    order: Order
    state: TaskState
    created_at: float
    ended_at: float
    price: int
    """Millionths of a US dollar; 0 for a task that failed."""
    code: int
    error: str
    inference_ms: int
    deaths: int
    """How many processes of the worker died of it."""
    webhook_left: int
    """How often its webhook may still be called; 0 where nothing is to be called."""


@dataclass(frozen=True)
class Search:
    """What a client looks for among its tasks."""

    account: str
    start: float
    """Ordered at this time or later, in seconds since 1970."""
    end: float
    """Ordered at this time or before."""
    model: str | None
    """None for any."""
    page: int
    """From 1 on."""
    size: int
    """Of a page."""


class Tasks:
    """All tasks of an endpoint."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def now(self) -> float:
        """Return the time, in seconds since 1970."""
        return self._store.now()

    def add(self, order: Order, price: int) -> Task:
        """Add a task, which is on disk when this returns."""
        identity = secrets.token_hex(16)
        own = {"id": identity, "result_token": secrets.token_urlsafe(24), "price": price}
        state = {"state": TaskState.CREATED.value, "created_at": self._store.now()}
        self._store.insert("tasks", {**own, **state, **asdict(order)})
        return self.get(identity)

    def get(self, task_id: str) -> Task:
        """Return a task that is known to exist."""
        return self._select("id = ?", task_id)[0]

    def find(self, task_id: str, account: str) -> Task | None:
        """Return a task of an account, or None if it has none of that id that is not deleted."""
        found = self._select("id = ? AND account = ? AND state <> 'deleted'", task_id, account)
        return found[0] if found else None

    def find_repeated(self, order: Order) -> Task | None:
        """Return the task that the same account ordered with the same Idempotency-Key, deleted or not."""
        if not order.idempotency_key:
            return None
        found = self._select("account = ? AND idempotency_key = ?", order.account, order.idempotency_key)
        return found[0] if found else None

    def find_result(self, token: str) -> Task | None:
        """Return the completed task whose result has this token."""
        found = self._select("result_token = ? AND state = 'completed'", token)
        return found[0] if found else None

    def advance(self, task_id: str, state: TaskState, **values: Any) -> Task:
        """Move a task to a state and write values; raises ValueError on a step that no task may take."""
        current = self.get(task_id).state
        if state not in TASK_TRANSITIONS[current]:
            raise ValueError(f"A task that is {current.value} cannot become {state.value}.")
        if state in ENDED:
            values["ended_at"] = self._store.now()
        return self.note(task_id, state=state.value, **values)

    def note(self, task_id: str, **values: Any) -> Task:
        """Write values without a change of state."""
        assignments = ", ".join(f"{name} = ?" for name in values)
        self._store.execute(f"UPDATE tasks SET {assignments} WHERE id = ?", *values.values(), task_id)
        return self.get(task_id)

    def next(self, state: TaskState, busy: Collection[str] = ()) -> Task | None:
        """Return the oldest task in a state, apart from those that are worked on."""
        found = self._select("state = ? ORDER BY number LIMIT ?", state.value, len(busy) + 1)
        return next((task for task in found if task.id not in busy), None)

    def next_to_notify(self, busy: Collection[str] = ()) -> Task | None:
        """Return a task whose webhook is to be called, apart from those that are worked on."""
        found = self._select("webhook_left > 0 ORDER BY ended_at LIMIT ?", len(busy) + 1)
        return next((task for task in found if task.id not in busy), None)

    def list_in(self, states: Iterable[TaskState], account: str | None = None) -> list[Task]:
        """Return the tasks in any of the states, of all accounts or of one, the oldest first."""
        names = [state.value for state in states]
        which = f"state IN ({', '.join('?' * len(names))}) AND account = COALESCE(?, account) ORDER BY number"
        return self._select(which, *names, account)

    def search(self, search: Search, states: Iterable[TaskState]) -> list[Task]:
        """Return the tasks in any of the states that a search finds, the newest first."""
        names = [state.value for state in states]
        return self._search(search, f"state IN ({', '.join('?' * len(names))})", *names)

    def search_priced(self, search: Search) -> list[Task]:
        """Return the tasks that a search finds for which its account pays, the newest first."""
        return self._search(search, "price > 0")

    def _search(self, search: Search, which: str, *values: object) -> list[Task]:
        condition = (
            f"{which} AND account = ? AND created_at BETWEEN ? AND ? AND model = COALESCE(?, model) "
            "ORDER BY number DESC LIMIT ? OFFSET ?"
        )
        place = search.size, (search.page - 1) * search.size
        return self._select(
            condition, *values, search.account, search.start, search.end, search.model, *place
        )

    def list_ended_before(self, time: float) -> list[Task]:
        """Return the tasks whose time is over."""
        return self._select("state IN ('completed', 'failed') AND ended_at < ?", time)

    def count_unfinished(self) -> int:
        """Return how many tasks of all accounts have not ended."""
        names = [state.value for state in UNFINISHED]
        query = f"SELECT COUNT(*) AS n FROM tasks WHERE state IN ({', '.join('?' * len(names))})"
        return int(self._store.select(query, *names)[0]["n"])

    def sum_prices(self, account: str) -> int:
        """Return what an account has spent, in millionths of a US dollar."""
        query = "SELECT COALESCE(SUM(price), 0) AS spent FROM tasks WHERE account = ?"
        return int(self._store.select(query, account)[0]["spent"])

    def _select(self, condition: str, *values: object) -> list[Task]:
        rows = self._store.select(f"SELECT * FROM tasks WHERE {condition}", *values)
        return [_to_task(row) for row in rows]


def _to_task(row: dict[str, Any]) -> Task:
    order = Order(**{field.name: row.pop(field.name) for field in fields(Order)})
    return Task(**row | {"order": order, "state": TaskState(row["state"])})
