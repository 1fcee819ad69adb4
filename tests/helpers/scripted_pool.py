"""A worker pool whose workers follow a script instead of training."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any

from harness.progress import Reporter
from harness.sweep.jobs import Job
from harness.sweep.local.machine import Place
from harness.sweep.local.messages import Ended, Ready
from harness.sweep.local.pool import Crew, Slot, Worker

Fate = Callable[[Worker], Iterator[Any]]

KILLED: Any = SimpleNamespace(exitcode=-9)

PIPE: Any = SimpleNamespace(send=lambda message: None)


class ScriptedPool(Crew):
    """Workers that do what a function says instead of training, None for their death."""

    def __init__(self, fate: Fate) -> None:
        super().__init__(None)  # type: ignore[arg-type]
        self._fate = fate
        self._begun: deque[Worker] = deque()
        self.deaths = 0

    def beginning(self, worker: Worker) -> Sequence[Any]:
        """What a worker says before it is given anything."""
        return [Ready("ab" * 32, 10)]

    def start(self, place: Place, reporters: Sequence[Reporter]) -> Worker:
        worker = Worker(place, KILLED, PIPE, [Slot(one) for one in reporters])
        self.workers.append(worker)
        self._begun.append(worker)
        return worker

    def messages(self, timeout: float) -> Iterator[tuple[Worker, Any]]:
        begun = [(worker, self.beginning(worker)) for worker in self._begun]
        self._begun.clear()
        busy = [(worker, self._fate(worker)) for worker in self.workers if worker.busy]
        for worker, said in [*begun, *busy]:
            for message in said:
                if message is None:
                    self.deaths += 1
                    assert self.deaths < 50, "it never gives up"
                    self.workers.remove(worker)
                yield worker, message


def assigned_jobs(worker: Worker) -> list[tuple[int, Job]]:
    return [(n, slot.job) for n, slot in enumerate(worker.slots) if slot.job]


def end_of(slot: int, job: Job) -> Ended:
    return Ended(slot, "failed" if job.give_up_reason else "done", reason=job.give_up_reason or "")
