"""The report page's first screen: a verdict if one may be given, and what stands against one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.analysis.sequential import Outcome
from harness.report.text.headline import NO_VERDICT
from tests.helpers.report_pages import outline
from tests.helpers.results_folders import write_grid


def test_other_images_are_an_alarm_on_the_first_screen(tmp_path: Path) -> None:
    write_grid(tmp_path, 2, names=["paper"], dataset={"official": False, "title": "a copy"})
    (header,) = outline(tmp_path).find("header")
    assert NO_VERDICT in header.text
    assert not re.search("|".join(Outcome), header.text)
    for text in ("75 % test accuracy", "75.39 % and 74.85 %", "NOT THE OFFICIAL DATA", "2 runs"):
        assert text in header.text
    alarms = [tag for tag in header.find("div") if tag.get("class") == "alarm"]
    assert any("NOT the official CIFAR-10 files" in alarm.text for alarm in alarms)


@pytest.mark.usefixtures("adopted")
@pytest.mark.parametrize(
    ("right", "label"), [(752, "REPRODUCED"), (700, "NOT REACHED"), (800, "EXCEEDED")]
)
def test_a_verdict_is_first_if_one_may_be_given(right: int, label: str, tmp_path: Path) -> None:
    write_grid(tmp_path, 20, right=right, names=["paper"])
    (header,) = outline(tmp_path).find("header")
    (verdict,) = (tag for tag in header.find("p") if tag.get("class") == "verdict")
    assert verdict.text == label
    assert "The official CIFAR-10" in header.text


@pytest.mark.usefixtures("adopted")
def test_before_a_look_the_first_screen_says_so(tmp_path: Path) -> None:
    write_grid(tmp_path, 4, names=["paper"])
    (header,) = outline(tmp_path).find("header")
    (sentence,) = (tag for tag in header.find("p") if tag.get("class") == "sentence")
    assert "; a verdict takes seeds 0 to 4. " in sentence.text
    alarms = [tag.text for tag in header.find("div") if tag.get("class") == "alarm"]
    assert any("none of the planned looks" in text for text in alarms)
    # So is what needs no run of ours; 0.96 in print is 0.8648 by its matrix.
    assert "precision of every class is said to be 60 to 80 %, and is 55 to 90 %" in header.text
