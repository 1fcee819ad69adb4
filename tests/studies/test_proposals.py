"""Trials that are proposed: the same for the same seed, inside the space, spread over it."""

from __future__ import annotations

import sys

import pytest

from harness.errors import InputError
from harness.studies import proposals, space
from harness.studies.proposals import number_of_trials, propose

SPACE = space.parse("learning_rate=0.001:0.1:log,dropout=0:0.75,batch_size=16:256:log")

GRID = space.parse("dropout=0/0.25/0.5,batch_size=32/64")


@pytest.mark.parametrize("sampler", ["qmc", "random"])
def test_the_same_seed_proposes_the_same_trials(sampler: str) -> None:
    trials = propose(SPACE, sampler, 3, 8)
    assert propose(SPACE, sampler, 3, 8) == trials
    assert propose(SPACE, sampler, 3, 5) == trials[:5]
    assert propose(SPACE, sampler, 4, 8) != trials


@pytest.mark.parametrize("sampler", ["qmc", "random"])
def test_trials_are_inside_the_space(sampler: str) -> None:
    for trial in propose(SPACE, sampler, 0, 64):
        assert list(trial) == list(SPACE)
        assert 0.001 <= trial["learning_rate"] <= 0.1
        assert 0 <= trial["dropout"] <= 0.75
        assert type(trial["batch_size"]) is int
        assert 16 <= trial["batch_size"] <= 256


@pytest.mark.parametrize("seed", range(3))
def test_a_sobol_sequence_has_a_point_in_every_sixteenth_from_the_first_on(seed: int) -> None:
    values = [trial["dropout"] for trial in propose(SPACE, "qmc", seed, 16)]
    assert sorted(int(16 * value / 0.75) for value in values) == list(range(16))


def test_values_have_four_digits_and_no_end_is_exceeded() -> None:
    ends = space.parse("learning_rate=0.012341:0.012349")
    for trial in propose(ends, "qmc", 0, 8):
        assert 0.012341 <= trial["learning_rate"] <= 0.012349
    for trial in propose(SPACE, "qmc", 0, 8):
        assert float(f"{trial['learning_rate']:.4g}") == trial["learning_rate"]


def test_a_grid_has_every_point_once() -> None:
    assert number_of_trials(GRID, "grid", None) == 6
    trials = propose(GRID, "grid", 0, 6)
    assert {(trial["dropout"], trial["batch_size"]) for trial in trials} == {
        (dropout, size) for dropout in (0, 0.25, 0.5) for size in (32, 64)
    }
    assert propose(GRID, "grid", 0, 4) == trials[:4]


def test_values_of_a_list_are_proposed_as_they_are() -> None:
    listed = {trial["dropout"] for trial in propose(GRID, "qmc", 0, 6)}
    assert listed == {0, 0.25, 0.5}


def test_sixteen_trials_unless_said_otherwise() -> None:
    assert number_of_trials(SPACE, "qmc", None) == 16
    assert number_of_trials(SPACE, "random", 7) == 7


@pytest.mark.parametrize(
    ("sampler", "trials", "message"),
    [
        ("tpe", 4, "unknown sampler 'tpe'. Known samplers: qmc, random, grid."),
        ("grid", 4, "--sampler grid needs values of learning_rate, not a range"),
    ],
)
def test_a_sampler_that_cannot_be_used_is_refused(sampler: str, trials: int, message: str) -> None:
    with pytest.raises(InputError) as error:
        number_of_trials(SPACE, sampler, trials)
    assert message in str(error.value)


@pytest.mark.parametrize("sampler", ["grid", "qmc", "random"])
def test_no_sampler_gives_more_trials_than_the_space_has_points(sampler: str) -> None:
    assert number_of_trials(GRID, sampler, None) == 6
    with pytest.raises(InputError, match="--trials is 7: the space has 6 points"):
        number_of_trials(GRID, sampler, 7)
    with pytest.raises(InputError, match="the space has 6 points"):
        propose(GRID, sampler, 0, 7)
    trials = propose(GRID, sampler, 0, 6)
    assert len({tuple(trial.values()) for trial in trials}) == 6


def test_without_optuna_one_line_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(InputError, match=r"search needs optuna: .*\[search\]"):
        propose(SPACE, "qmc", 0, 1)


def test_every_sampler_learns_nothing_from_results() -> None:
    assert set(proposals.SAMPLERS) == {"qmc", "random", "grid"}
