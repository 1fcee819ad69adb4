"""`sweep --engine slurm` on a real Slurm: results are the same whatever happens to the jobs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from harness.runs import store
from tests.helpers.paths import ROOT
from tests.helpers.run_bits import comparable_bits
from tests.helpers.slurm_cluster import Cluster, missing_programs, slurm_cluster, wait_for

pytestmark = [
    pytest.mark.slurm,
    pytest.mark.skipif(missing_programs() is not None, reason=str(missing_programs())),
]

EPOCHS = 12

# 128 pictures: a run takes some seconds, so that there is a middle to be hit.
GRID = ("--dataset", "folder", "--data-dir", "images", "--precision", "fp32")

GRID += ("--epochs", str(EPOCHS), "--no-figures")

ALL = ("--variants", "ablations", "--seeds", "0-1")

LONG = ("--dataset", "digits", "--variants", "paper", "--epochs", "90", "--results", "long")

LINE = re.compile(r"(\w+) seed (\d+): (\w+)(?: \(job (\S+) (\w+).*\))?")


@dataclass
class Site:
    """A cluster, and a folder that all its nodes share.

    Attributes:
        hit: runs that something was done to, by what that was.
        said: what the second sweep printed.
    """

    up: Cluster
    folder: Path
    hit: dict[str, Path] = field(default_factory=dict)
    said: str = ""

    def harness(self, *arguments: str, status: int = 0) -> str:
        """What a command prints."""
        done = subprocess.run(
            [sys.executable, "-m", "harness", *arguments],
            cwd=self.folder,
            env={**self.up.variables, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=1800,
            check=False,
        )
        assert done.returncode == status, done.stdout + done.stderr + self.up.logs()
        return done.stdout + done.stderr

    def sweep(self, *more: str, status: int = 0) -> str:
        return self.harness("sweep", "--engine", "slurm", *GRID, *ALL, *more, status=status)

    def middle(self, node: str | None = None) -> tuple[str, Path]:
        """Number and run of a job that has started to train and was not disturbed yet."""
        candidates: list[tuple[str, Path]] = []

        def look() -> bool:
            running = {
                number
                for number, (state, where) in self.up.queue().items()
                if state == "RUNNING" and where == (node or where)
            }
            for number, folders in jobs(self.folder).items():
                free = number in running and folders not in self.hit.values()
                if free and epochs_saved(folders) == 1:
                    candidates.append((number, folders))
            return bool(candidates)

        wait_for(look, 180, self.up.logs)
        return candidates[0]


def epochs_saved(run: Path) -> int:
    """The epoch of the newest checkpoint, 0 if there is none."""
    names = [path.name for path in run.glob(f"{store.CHECKPOINTS}/epoch-*.pt")]
    return max((int(name.split("-")[1]) for name in names), default=0)


def jobs(folder: Path) -> dict[str, Path]:
    """The run of each job, by its number, from the submission's list."""
    runs = {}
    for path in folder.glob("results/slurm/*/runs.json"):
        (script,) = path.parent.glob("*_submission.sh")
        array = script.name.partition("_")[0]
        for number, (run,) in enumerate(json.loads(path.read_text())):
            runs[f"{array}_{number}"] = folder / "results" / run
    return runs


def records(folder: Path) -> dict[str, dict[str, Any]]:
    """All records below a folder, by path."""
    paths = folder.rglob("record.json")
    return {str(p.parent.relative_to(folder)): json.loads(p.read_text()) for p in paths}


def make_images(folder: Path) -> None:
    source = np.random.default_rng(0)
    for part, count in (("train", 64), ("test", 16)):
        for shade, name in ((60, "dark"), (160, "light")):
            (folder / part / name).mkdir(parents=True)
            for number in range(count):
                pixels = source.integers(shade, shade + 60, (32, 32, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / part / name / f"{number:02d}.png")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    make_images(folder / "images")
    with slurm_cluster() as up:
        yield Site(up, folder)


@pytest.fixture(scope="module")
def swept(site: Site) -> Site:
    """Sixteen runs on two nodes, four of them disturbed."""
    command = site.up.command
    site.sweep("--set", "time=30")
    number, site.hit["requeued"] = site.middle()
    command("scontrol", "requeue", number)
    # What a job gets when its time is almost up; submitit has it queued again.
    number, site.hit["out of time"] = site.middle()
    command("scancel", "--signal=USR2", f"{number}.0")
    number, site.hit["node lost"] = site.middle("n2")
    command("scontrol", "update", "nodename=n2", "state=down", "reason=test")
    wait_for(lambda: site.up.queue()[number][0] != "RUNNING", 60, site.up.logs)
    command("scontrol", "update", "nodename=n2", "state=resume")
    number, site.hit["cancelled"] = site.middle()
    command("scancel", number)
    wait_for(lambda: number not in site.up.queue(), 60, site.up.logs)
    assert agreement(site) == ["its job has ended"]
    site.said = site.sweep("--set", "wait=true", "--set", "time=30")
    # Three minutes for more than that: its time is up while others are trained alone.
    site.harness("sweep", "--engine", "slurm", *LONG, "--set", "time=3")
    return site


def agreement(site: Site) -> list[str]:
    """Hold `--status` against queue and results folder; returns what it says beyond them."""
    results = site.folder / "results"
    limit = time.monotonic() + 120
    while True:
        assert time.monotonic() < limit, "the queue never stands still" + site.up.logs()
        before = site.up.queue(), set(records(results))
        lines = site.sweep("--status").splitlines()
        if before == (site.up.queue(), set(records(results))):
            break
    queue, done = before
    rest, listed = [], set()
    for line in lines[:-1]:
        match = LINE.match(line)
        assert match, line
        name, seed, state, number, word = match.groups()
        finished = f"folder/{EPOCHS}-epochs-fp32/{name}/seed-{seed}" in done
        assert finished == (state == "done"), line
        if number:
            assert queue[number][0].lower() == word
            listed.add(number)
        elif not finished:
            rest.append(line.partition("(")[2].partition(",")[0])
    open_ = {n for n, run in jobs(site.folder).items() if not (run / "record.json").exists()}
    assert listed == set(queue) & open_
    assert lines[-1].startswith(f"16 runs: {len(done)} done, 0 failed, ")
    return rest


def test_each_run_has_the_hashes_of_a_solo_run(swept: Site) -> None:
    swept.harness("run", *GRID, "--variant", "ablations", "--seeds", "0-1", "--results", "solo")
    swept_records, alone = records(swept.folder / "results"), records(swept.folder / "solo")
    assert len(alone) == 16
    assert {k: comparable_bits(v) for k, v in swept_records.items()} == {
        k: comparable_bits(v) for k, v in alone.items()
    }


@pytest.mark.parametrize("cause", ["requeued", "out of time", "node lost", "cancelled"])
def test_what_was_cut_off_went_on(cause: str, swept: Site) -> None:
    record = json.loads((swept.hit[cause] / "record.json").read_text())
    assert len(record["resumed_at"]) == 1
    assert len(record["history"]) == EPOCHS
    assert not (swept.hit[cause] / store.CHECKPOINTS).exists()


def test_only_what_was_cancelled_is_queued_again(swept: Site) -> None:
    assert re.match(r"16 runs: (\d+ done, )?(\d+ queued before, )?1 to queue\n", swept.said)
    assert "16 of 16 runs have ended, 0 are in running jobs" in swept.said
    assert agreement(swept) == []
    assert swept.sweep() == "16 runs: 16 done, 0 to queue\n"


def test_both_nodes_trained(swept: Site) -> None:
    log = (swept.up.folder / "slurmctld.log").read_text()
    assert {"n1", "n2"} <= set(re.findall(r"NodeList=(n\d)", log))


def test_a_job_whose_time_is_up_goes_on(swept: Site) -> None:
    def log() -> str:
        return "".join(p.read_text() for p in swept.folder.glob("long/slurm/*/*_log.out"))

    wait_for(lambda: "paper seed 0: resumes after epoch" in log(), 240, log)
    first, again = log().split("Requeued job", maxsplit=1)
    assert "this job is timed-out" in first
    assert "(19 remaining timeouts)" in again
    trained = first.count("/90  loss")
    resumed = re.search(r"resumes after epoch (\d+)", again)
    assert resumed
    assert trained - 1 <= int(resumed[1]) <= trained + 1
    swept.up.command("scancel", "--user=root")
    wait_for(lambda: not swept.up.queue(), 60, swept.up.logs)


def test_jobs_of_several_runs(site: Site) -> None:
    few = ("--results", "chunks", "--epochs", "1", "--variants", "paper,baseline", "--seeds", "5")
    said = site.sweep(*few, "--set", "chunk=2", "--set", "wait=true", "--set", "sbatch.comment=x")
    assert "2 runs queued in 1 jobs" in said
    assert len(records(site.folder / "chunks")) == 2


def test_a_job_that_ends_early_is_told(site: Site) -> None:
    few = ("--results", "early", "--variants", "paper", "--seeds", "0")
    said = site.sweep(*few, "--set", "setup=['exit 3']", "--set", "wait=true", status=1)
    log = r"early/slurm/alexnet-\S+/\*_0_log\.out"
    told = rf"1 of the runs have no result: paper seed 0 \(not done, see ({log})\)"
    found = re.search(told, said)
    assert found
    assert len(list(site.folder.glob(found[1]))) == 1
    assert re.search(
        rf"paper seed 0: pending \(its job has ended, see {log}\)", site.sweep(*few, "--status")
    )


def test_what_slurm_refuses_is_one_line_and_leaves_nothing(site: Site) -> None:
    said = site.sweep("--results", "refused", "--set", "partition=nowhere", status=2)
    assert said.splitlines()[-1].startswith("harness: sbatch rejects the request: ")
    assert "Invalid partition name" in said.splitlines()[-1]
    assert not list((site.folder / "refused").rglob("runs.json"))
    assert "its job has ended" not in site.sweep("--results", "refused", "--status")
