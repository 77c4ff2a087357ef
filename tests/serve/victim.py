"""A server in a process of its own, killed by its own hand just before or just after a task is in a state.

victim.py FOLDER before|after|never STATE
Its computation writes into FOLDER/runs.log when it begins a task and when its outcome is kept, so that tests can count.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

from benchmarks.counted import NoGate, give_compute
from latentsync_core.serve import ProcessWorker, ServeSettings, run_endpoint
from latentsync_core.serve.tasks import Tasks


def die_at(moment, state):
    """Die at a step of a task that this process has added, not of one that it takes up."""
    note, add, own = Tasks.note, Tasks.add, set()

    def noted(self, task_id, **values):
        struck = task_id in own and values.get("state") == state
        strike(struck and moment == "before")
        task = note(self, task_id, **values)
        strike(struck and moment == "after")
        return task

    def added(self, order, price):
        task = add(self, order, price)
        own.add(task.id)
        strike((moment, state) == ("after", "created"))
        return task

    Tasks.note, Tasks.add = noted, added


def strike(now):
    if now:
        os.kill(os.getpid(), signal.SIGKILL)


def main():
    folder, moment, state = Path(sys.argv[1]), *sys.argv[2:]
    die_at(moment, state)
    settings = ServeSettings(folder, port=0, keep_seconds=1e9)
    asyncio.run(run_endpoint(settings, NoGate(), ProcessWorker(give_compute), announce))


def announce(address):
    sys.stdout.write(f"{address}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
