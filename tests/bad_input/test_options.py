"""Bad options and files for them: done, or refused in one line with nothing written."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import InputError
from harness.runs.options import parse_seeds, parse_variants
from harness.sweep import settings
from harness.sweep.slurm.request import Request
from harness.training.device import choose_device
from tests.helpers.in_process import Outcome, contents, empty_folder, run_command
from tests.helpers.paths import ROOT
from tests.helpers.properties import ARGUMENTS, damaged_bytes, damaged_toml, examples

STORED = ROOT / "tests/stored/digits"


def made_of(*parts: str) -> st.SearchStrategy[str]:
    """Texts of such parts in any number and order, or any text."""
    return st.lists(st.sampled_from(parts), max_size=6).map("".join) | ARGUMENTS


SEEDS = made_of("0", "1", "19", "-", ",", " ", "٣", "²", "+", ".", "e")

VARIANTS = made_of("paper", "baseline", "readings", "papr", ",", " ", "\n")

DEVICES = made_of("cuda", "cpu", "meta", "mps", ":", "0", "99", "-1", "\n")

# Values of `--set`, which nothing but its own check holds back.
SETTINGS = made_of(
    *("time", "sbatch", "gpus", "setup", "x", "=", ".", "120", "-1", "1e400", "nan", '"', "[", "]"),
    *("{a = 1}", "9" * 5_000, "[" * 5_000, "\n", "true"),
)

NUMBERS = made_of("0", "1", "-", "9" * 30, "9" * 5_000, ".", "e", "_", " ", "nan")

SETTINGS_FILE = (
    'time = 120\npartition = "gpu"\nrequeues = 3\nmemory = 4.5\nsetup = ["module load"]\n'
    'chunk = 2\nwidth = 3\n[sbatch]\naccount = "lab"\n'
)

# Of a sweep that trains nothing; the local engine's dry run would start a process to see its GPUs.
SHOWN = st.sampled_from([("--engine", "slurm", "--dry-run"), ("--status",)])

OPTIONS = st.one_of(
    *(
        st.tuples(st.just(name), values)
        for name, values in {
            "--variants": VARIANTS,
            "--seeds": SEEDS,
            "--epochs": NUMBERS,
            "--precision": made_of("fp32", "bf16", "fp", "8"),
            "--dataset": made_of("cifar10", "folder", "digits", "/", ".."),
            "--device": DEVICES,
            "--engine": made_of("local", "slurm", "."),
            "--set": SETTINGS,
            "--workers": NUMBERS,
            "--time-limit": NUMBERS,
            "--results": ARGUMENTS,
            "--settings": ARGUMENTS,
        }.items()
    )
)


def assert_done_or_refused(done: Outcome) -> None:
    """Nothing on stderr, or nothing but one line on it."""
    if done.status == 0:
        assert done.err == ""
    else:
        assert done.status == 2
        assert done.err.startswith("harness: ")
        assert (done.err.count("\n"), done.out) == (1, "")
        assert done.err[:-1].isprintable()


@given(text=SEEDS)
@examples(100, 2_000)
def test_seeds_are_numbers_or_refused(text: str) -> None:
    try:
        seeds = parse_seeds(text)
    except InputError as error:
        assert str(error).endswith("write numbers and ranges such as 0-19,30.")
    else:
        assert seeds
        assert len(set(seeds)) == len(seeds)


@given(text=VARIANTS)
@examples(50, 2_000)
def test_variants_are_named_once(text: str) -> None:
    names = parse_variants(text)
    assert names
    assert len(set(names)) == len(names)


@given(text=DEVICES)
@examples(50, 2_000)
def test_a_device_exists_or_is_refused(text: str) -> None:
    try:
        assert choose_device(text).type in ("cpu", "cuda")
    except InputError as error:
        assert str(error)


@given(pairs=st.lists(SETTINGS, max_size=3))
@examples(100, 2_000)
def test_settings_are_a_request_or_refused(pairs: list[str]) -> None:
    try:
        assert Request.from_settings(settings.read(None, pairs)).parameters("a job")
    except InputError as error:
        assert str(error)


@given(options=st.lists(OPTIONS, min_size=1, max_size=2), shown=SHOWN)
@examples(20, 1_000)
def test_a_sweep_is_shown_or_refused(
    options: list[tuple[str, str]], shown: tuple[str, ...]
) -> None:
    given_options = [word for option in options for word in option]
    with empty_folder() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr("harness.sweep.local.machine.detect_device", _no_machine)
        patch.setenv("PATH", str(folder))  # without Slurm
        assert_done_or_refused(run_command("sweep", *shown, *given_options))
        assert contents(folder) == {}


def _no_machine(device: str) -> None:
    raise InputError("a dry run on this machine starts a process: not here.")


@given(data=st.data())
@examples(20, 1_000)
def test_a_settings_file_is_used_or_refused(data: st.DataObject) -> None:
    texts = damaged_toml(SETTINGS_FILE).map(str.encode)
    content = data.draw(st.one_of(texts, texts, damaged_bytes(SETTINGS_FILE.encode())))
    with empty_folder() as folder:
        (folder / "settings.toml").write_bytes(content)
        sweep = ("sweep", "--variants", "paper", "--engine", "slurm", "--dry-run")
        done = run_command(*sweep, "--settings", "settings.toml")
        assert_done_or_refused(done)
        assert contents(folder).keys() == {"settings.toml"}


@given(options=st.lists(OPTIONS, min_size=1, max_size=2))
@examples(15, 600)
def test_a_run_is_refused_before_it_trains(options: list[tuple[str, str]]) -> None:
    given_options = [word for option in options for word in option]
    with empty_folder() as folder:
        # There are no images: what is not refused before that ends here.
        run = ("run", "--variant", "paper", *given_options, "--dataset", "folder")
        done = run_command(*run)
        assert done.status == 2
        assert_done_or_refused(done)
        assert contents(folder) == {}


# Inside the working folder only.
OUTPUTS = made_of("table", "results", "folder", "/", "x" * 250, "\n", ".").map(
    lambda text: f"./{text}".replace("..", ".")
)


@given(
    form=made_of("markdown", "csv", "json", "latex", "html"),
    baseline=made_of("paper", "no_augmentation", "papr", "\n", "-"),
    output=OUTPUTS,
    full=st.booleans(),
)
@examples(15, 600)
def test_compare_writes_its_files_or_none(
    form: str, baseline: str, output: str, full: bool
) -> None:
    with empty_folder() as folder:
        shutil.copytree(STORED, folder / "results")
        (folder / "folder").mkdir()
        before = contents(folder)
        options = ("--format", form, "--baseline", baseline, "--output", output)
        done = run_command("compare", *options, *["--full"] * full)
        assert_done_or_refused(done)
        assert done.out == ""
        after = contents(folder)
        assert {name: after.get(name) for name in before} == before
        written = {Path(name) for name in after.keys() - before.keys()}
        if done.status == 0:
            tables = [Path("results") / name for name in ("comparison.md", "comparison.csv")]
            assert written == {*tables, Path(output)}
        else:
            assert written == set()


@given(
    command=st.sampled_from(
        (
            *(("show",), ("merge",), ("check",), ("verify",), ("diff", "results")),
            *(("check", "--data-dir"), ("check", "results", "--against")),
            *(("compare", "--results"), ("verdict", "--results"), ("verdict", "--format")),
            *(("bundle", "a.tar", "--results"), ("calibrate", "--device"), ()),
        )
    ),
    text=ARGUMENTS | st.sampled_from(["results", "results/x", "reference", "paper"]),
)
@examples(15, 700)
def test_a_command_is_done_or_refused(command: tuple[str, ...], text: str) -> None:
    with empty_folder() as folder:
        (folder / "results").mkdir()
        done = run_command(*command, text)
        assert_done_or_refused(done)
        assert contents(folder) == {}
