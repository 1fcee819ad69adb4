"""What a sweep would do and cost, without doing it."""

from __future__ import annotations

from tabulate import tabulate

from harness.cost import Costs, epochs_done, records_near
from harness.grid import Capacity, Grid, State, state
from harness.progress import clock


def lines(grid: Grid, capacity: Capacity) -> list[str]:
    """The grid in the order of its start, with the estimated cost of each run, and the sum.

    Between the two stands what is wrong with each run that would be refused.

    Args:
        grid: the runs.
        capacity: of the engine that would train them.
    """
    costs = Costs(records_near(grid), capacity.device, capacity.threads)
    rows: list[tuple[str, str, str, str]] = []
    refused: list[str] = []
    seconds: list[float] = []
    unknown = 0
    for plan in grid.plans:
        how, why = state(plan)
        if how is State.refused:
            refused.append(f"{plan.title}: refused: {why}")
        settled = how in (State.done, State.refused)
        if settled or (how is State.failed and not grid.retry_failed):
            rows.append((plan.title, how, "-", ""))
            continue
        estimate = costs.of(plan)
        done = epochs_done(plan)
        label = f"{how}, {done} of {plan.protocol.epochs} epochs done" if done else how
        if estimate is None:
            unknown += 1
            rows.append((plan.title, label, "unknown", "no run like it is stored"))
        else:
            seconds.append(estimate.seconds * (1 - done / plan.protocol.epochs))
            rows.append((plan.title, label, clock(seconds[-1]), estimate.basis))
    table = tabulate(rows, headers=("run", "state", "cost", "estimated from"), tablefmt="simple")
    total = f"{len(seconds) + unknown} of {len(grid.plans)} runs to train"
    if seconds:
        # The last runs leave slots empty: no more than one run's time is lost so.
        share = max(sum(seconds) * capacity.load / capacity.slots, max(seconds))
        total += f": {clock(sum(seconds))} in all, about {clock(share)} in {capacity.slots} at once"
    if seconds and unknown:
        total += f", and {unknown} of unknown cost"
    return [table, *refused, total]
