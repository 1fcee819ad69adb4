"""Settings, submissions and the queue of the Slurm engine, tested without Slurm."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.cli import app
from harness.errors import InputError
from harness.runs import store
from harness.runs.options import RunOptions
from harness.runs.spec import RunSpec
from harness.sweep import engines, settings
from harness.sweep.grid import Grid, seeds_first
from harness.sweep.slurm import engine as slurm_engine
from harness.sweep.slurm import queue
from harness.sweep.slurm.engine import capacity
from harness.sweep.slurm.request import Request
from tests.helpers.records import make_record

FILE = """
partition = "gpu"
time = 120
setup = ["module load python"]
[sbatch]
account = "physics"
"""


def grid(results: Path, **settings: object) -> Grid:
    options = RunOptions(dataset="digits", results=results)
    return Grid(
        specs=seeds_first(["paper", "baseline"], [0, 1], options),
        options=options,
        settings=settings,
    )


def test_a_pair_goes_before_the_file(tmp_path: Path) -> None:
    path = tmp_path / "cluster.toml"
    path.write_text(FILE)
    pairs = ["time=240", "sbatch.qos=long", "memory = 7.5", "wait=true", "setup=['a', 'b=c']"]
    assert settings.read(path, pairs) == {
        "partition": "gpu",
        "time": 240,
        "setup": ["a", "b=c"],
        "sbatch": {"account": "physics", "qos": "long"},
        "memory": 7.5,
        "wait": True,
    }


@pytest.mark.parametrize(
    ("pair", "name", "value"),
    [
        ("partition=gpu-long", "partition", "gpu-long"),
        ("sbatch.nodelist=n[1-2]", "sbatch", {"nodelist": "n[1-2]"}),
        ("partition=1\ntime=2", "partition", "1\ntime=2"),
        ("partition=", "partition", ""),
    ],
)
def test_a_value_that_is_no_toml_is_text(pair: str, name: str, value: object) -> None:
    assert settings.read(None, [pair]) == {name: value}


@pytest.mark.parametrize(
    ("content", "pairs", "message"),
    [
        (None, [], "cannot be read"),
        ("time = ", [], "is not valid TOML"),
        ("", ["time"], "'time' cannot be parsed"),
        ("", ["=5"], "cannot be parsed"),
        ("time = 5", ["time.limit=6"], "time is a value, not a table"),
    ],
)
def test_settings_that_cannot_be_read(
    content: str | None, pairs: list[str], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "cluster.toml"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError, match=message):
        settings.read(path, pairs)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"partitions": "gpu"}, "no setting partitions. Known: partition, time, "),
        ({"time": "long"}, "time: Input should be a valid integer"),
        ({"gpus": True}, "gpus: Input should be a valid integer"),
        ({"gpus": -1}, "gpus: Input should be greater than or equal to 0"),
        ({"chunk": 0}, "chunk: Input should be greater than 0"),
        ({"width": 0}, "width: Input should be greater than 0"),
        ({"time": 2}, "time is 2, it must be at least 3"),
        ({"memory": math.nan}, "memory: Input should be a finite number"),
        ({"memory": math.inf}, "memory: Input should be a finite number"),
        ({"notice": 600, "time": 11}, "time is 11, it must be at least 12"),
        ({"setup": "module load python"}, "setup: Input should be a valid list"),
        ({"setup": [1]}, "setup.0: Input should be a valid string"),
        ({"sbatch": {"job_name": "mine"}}, "sbatch.job_name is set by the engine"),
        ({"sbatch": "account=x"}, "sbatch: Input should be a valid dictionary"),
    ],
)
def test_an_impossible_request_is_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Request.from_settings(settings)


def test_a_request_as_parameters_of_submitit() -> None:
    request = Request.from_settings(
        {"gpus": 1, "cpus": 4, "memory": 7.5, "sbatch": {"qos": "long"}}
    )
    parameters = request.parameters("name")
    assert parameters["mem"] == "7680MB"
    assert parameters["srun_args"][0] == "--cpus-per-task=4"
    assert parameters["setup"] == ["export OMP_NUM_THREADS=${OMP_NUM_THREADS:-4}"]
    assert parameters["additional_parameters"] == {"requeue": True, "qos": "long"}
    assert "partition" not in parameters


def test_submitit_knows_every_parameter() -> None:
    from submitit.slurm.slurm import SlurmExecutor

    parameters = Request(partition="gpu", memory=1, width=2, gpus=1).parameters("name")
    assert set(parameters) <= SlurmExecutor._valid_parameters()


def test_the_latest_job_of_a_run_counts(tmp_path: Path) -> None:
    four = grid(tmp_path)
    first, second = (tmp_path / "slurm" / f"alexnet-{n}" for n in (1, 2))
    queue.save_submission(first, [four.specs[:2], four.specs[2:]])
    queue.save_submission(second, [four.specs[3:]])
    keys = [spec.directory.relative_to(tmp_path).as_posix() for spec in four.specs]
    assert queue.load_submissions(tmp_path) == {
        keys[0]: ("alexnet-1", 0),
        keys[1]: ("alexnet-1", 0),
        keys[2]: ("alexnet-1", 1),
        keys[3]: ("alexnet-2", 0),
    }
    assert queue.logs(four) == {
        four.specs[0].directory: f"{first}/*_0_0_log.out",
        four.specs[1].directory: f"{first}/*_0_0_log.out",
        four.specs[2].directory: f"{first}/*_1_0_log.out",
        four.specs[3].directory: f"{second}/*_0_log.out",  # a single job is no array
    }


def test_a_damaged_note_is_named(tmp_path: Path) -> None:
    folder = queue.new_submission(tmp_path)
    (folder / "runs.json").write_text("[[")
    with pytest.raises(InputError, match=r"runs\.json is damaged"):
        queue.load_submissions(tmp_path)


def test_as_many_at_once_as_there_may_be_jobs(tmp_path: Path) -> None:
    assert capacity(grid(tmp_path)).slots == 4
    assert capacity(grid(tmp_path, chunk=2)).slots == 2
    assert capacity(grid(tmp_path, width=3)).slots == 3


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ((), "squeue is not installed"),
        (("--status",), "squeue is not installed"),
        (("--time-limit", "5"), "--time-limit needs --engine local"),
        (("--set", "nodes=2"), "no setting nodes"),
    ],
)
def test_without_slurm_it_is_one_line_and_status_2(
    more: tuple[str, ...],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    refused: Callable[..., str],
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert message in refused("sweep", "--engine", "slurm", "--dataset", "digits", *more)


# A queue whose exit status is the next one in the file `answers`; 0 afterwards.
SQUEUE = """#!/bin/sh
here=$(dirname "$0")
read -r status < "$here/answers" || exit 0
sed -i 1d "$here/answers"
exit "$status"
"""


@pytest.fixture
def answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """File with the exit statuses of an otherwise empty queue."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "squeue").write_text(SQUEUE)
    (folder / "squeue").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setattr(slurm_engine, "POLL_SECONDS", 0.0)
    (folder / "answers").write_text("")
    return folder / "answers"


def ended(spec: RunSpec, *, failed: bool = False) -> None:
    fields = vars(spec.protocol)
    store.save(
        spec.directory, make_record(spec.variant.name, spec.seed, protocol=fields, failed=failed)
    )


def test_a_queue_that_is_silent_for_a_moment_ends_no_wait(answers: Path, tmp_path: Path) -> None:
    four = grid(tmp_path, wait=True)
    for spec in four.specs:
        ended(spec)
    answers.write_text("0\n1\n1\n0\n")
    slurm_engine.run(four)
    assert answers.read_text() == ""
    answers.write_text("0\n" + "1\n" * 50)
    with pytest.raises(InputError, match="squeue failed"):
        slurm_engine.run(four)


def test_refused_and_failed_runs_are_named_together(answers: Path, tmp_path: Path) -> None:
    four = grid(tmp_path, wait=True)
    for spec in four.specs[1:]:
        ended(spec)
    ended(four.specs[0], failed=True)
    (four.specs[2].directory / store.FILE).write_text("{")
    with pytest.raises(InputError, match=r"1 of the runs were refused: .*1 of the .*diverged"):
        slurm_engine.run(four)


def test_a_job_finds_its_data_from_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ALEXNET_DATA", raising=False)
    monkeypatch.delenv("ALEXNET_ARCHIVE", raising=False)
    assert RunOptions().absolute().data_dir == tmp_path / "data"
    assert RunOptions().absolute().archive is None
    monkeypatch.setenv("ALEXNET_DATA", "images")
    monkeypatch.setenv("ALEXNET_ARCHIVE", "cifar.tar.gz")
    options = RunOptions(results=Path("out")).absolute()
    assert (options.data_dir, options.results) == (tmp_path / "images", tmp_path / "out")
    assert options.archive == str(tmp_path / "cifar.tar.gz")
    url = "https://example.org/cifar.tar.gz"
    assert RunOptions(archive=url).absolute().archive == url


@pytest.mark.parametrize("engine", ["local", "slurm"])
def test_a_sweep_may_do_without_graphs(
    engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Grid] = []
    monkeypatch.setattr(engines.get(engine), "run", seen.append)
    options = ["--dataset", "digits", "--results", str(tmp_path), "--engine", engine]
    monkeypatch.setattr(sys, "argv", ["harness", "sweep", "--eager", *options])
    with pytest.raises(SystemExit) as end:
        app.main()
    assert not end.value.code
    (grid_seen,) = seen
    assert grid_seen.options.eager
    assert all(spec.eager for spec in grid_seen.specs)
