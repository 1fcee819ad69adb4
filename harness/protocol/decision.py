"""The decision file: margins, tests, seeds, budgets and contrasts, fixed before any grid."""

from __future__ import annotations

import functools
import hashlib
import tomllib
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).with_name("decision.toml")


@dataclass(frozen=True, kw_only=True)
class Accuracy:
    """How the accuracy claim is judged; fractions."""

    variant: str
    margin: float
    alpha: float
    expected_sd: float
    most_failed: float


@dataclass(frozen=True, kw_only=True)
class Outcomes:
    """The decision table: what is said where the interval of the difference lies."""

    inside: str
    outside: str
    neither: str


@dataclass(frozen=True, kw_only=True)
class Tests:
    """Error rate after correction, level of intervals, power of what is called detectable."""

    alpha: float
    level: float
    power: float


@dataclass(frozen=True, kw_only=True)
class Seeds:
    """Planned numbers of seeds, and the least with which anything is tested."""

    accuracy: int
    others: int
    least: int
    per_class: int


@dataclass(frozen=True, kw_only=True)
class Budgets:
    """Epochs: candidates for the tuned budget, the reference's, those of the budget curve."""

    candidates: list[int]
    target: float
    calibration_seeds: int
    reference: int
    curve: list[int]


@dataclass(frozen=True, kw_only=True)
class Contrasts:
    """The family of ablation tests: each variant against one."""

    against: str
    variants: list[str]


@dataclass(frozen=True, kw_only=True)
class Exclusions:
    """Whether seeds beyond the planned ones are left out."""

    beyond_plan: bool


@dataclass(frozen=True, kw_only=True)
class Curves:
    """Thresholds of the two claims about curves; fractions."""

    wrong_way_confirms: float
    wrong_way_refutes: float
    gap_confirms: float
    gap_refutes: float


@dataclass(frozen=True, kw_only=True)
class Decision:
    """The decision file, a section a field; see `decision.toml` for what each value means."""

    accuracy: Accuracy
    outcomes: Outcomes
    tests: Tests
    seeds: Seeds
    budgets: Budgets
    contrasts: Contrasts
    exclusions: Exclusions
    curves: Curves

    def planned(self, variant: str) -> range:
        """The seeds that the plan has for a variant."""
        own = variant == self.accuracy.variant
        return range(self.seeds.accuracy if own else self.seeds.others)


_SECTIONS = {
    "accuracy": Accuracy,
    "outcomes": Outcomes,
    "tests": Tests,
    "seeds": Seeds,
    "budgets": Budgets,
    "contrasts": Contrasts,
    "exclusions": Exclusions,
    "curves": Curves,
}


def parse(text: str) -> Decision:
    """A decision file's text.

    Raises:
        TypeError: if a section or a value is missing or unknown.
        tomllib.TOMLDecodeError: if it is no TOML.
    """
    found = tomllib.loads(text)
    if wrong := sorted(found.keys() ^ _SECTIONS.keys()):
        raise TypeError(f"missing or unknown sections: {', '.join(wrong)}")
    return Decision(**{name: form(**found[name]) for name, form in _SECTIONS.items()})


@functools.cache
def load() -> Decision:
    """The decision file of this checkout."""
    return parse(FILE.read_text(encoding="utf-8"))


@functools.cache
def sha256() -> str:
    """SHA-256 of the file's bytes, as records cite it."""
    return hashlib.sha256(FILE.read_bytes()).hexdigest()
