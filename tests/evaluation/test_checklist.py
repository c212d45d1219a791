"""The checklists: numbering, what a run answers, and what it leaves to people."""

import dataclasses
import re

import pytest

from lungnet.config import EvaluationConfig
from lungnet.evaluation import checklist_markdown, evaluate
from lungnet.evaluation.checklist_items import CLAIM, TRIPOD_AI

CONFIG = EvaluationConfig(bootstrap=40)


def answers(text: str) -> dict[str, dict[str, str]]:
    """Checklist -> number -> last cell."""
    found: dict[str, dict[str, str]] = {}
    for section in text.split("\n## ")[1:]:
        cells = [re.split(r"(?<!\\)\|", line)[1:-1] for line in section.splitlines() if line.startswith("|")]
        found[section.splitlines()[0]] = {row[0].strip(): row[3].strip() for row in cells[2:]}
    return found


def test_no_item_is_missing_or_told_twice():
    assert [item.number for item in CLAIM] == [str(number) for number in range(1, 45)]
    numbers = [item.number for item in TRIPOD_AI]
    assert sorted({int(re.sub(r"\D", "", number)) for number in numbers}) == list(range(1, 28))
    assert len(set(numbers)) == len(numbers)
    for items in (CLAIM, TRIPOD_AI):
        assert all(len(item.asks) < 80 for item in items)


def test_what_the_run_knows_is_filled_in_and_the_rest_is_the_researchers(inputs):
    metrics = evaluate(inputs, CONFIG, 0)
    found = answers(checklist_markdown(metrics))
    claim, tripod = found["CLAIM 2024"], found["TRIPOD+AI"]
    assert len(claim) == 44
    auc = metrics["rows"]["gan_cae_calm"]["own"]["auc"]["value"]
    assert claim["37"].startswith(f"AUC {auc:.3f} (")
    assert claim["20"].startswith("Patient")
    assert "outliers: 1,234 scans, 7 patients, 8 nodules" in claim["8"]
    assert tripod["15"] == "A probability; positive from 0.450 on, frozen on inner-validation patients."
    missed = metrics["rows"]["gan_cae_calm"]["confusion"]["fn"]
    assert claim["39"].startswith(f"{missed:,} missed")
    for number in ("2", "13", "34", "41", "44"):
        assert claim[number] == "**Researcher**"
    for number in ("3c", "17", "18a", "19", "27c"):
        assert tripod[number] == "**Researcher**"


def test_it_counts_what_it_answered(inputs):
    text = checklist_markdown(evaluate(inputs, CONFIG, 0))
    for section, rows in answers(text).items():
        answered = sum(answer != "**Researcher**" for answer in rows.values())
        items = {"CLAIM 2024": CLAIM, "TRIPOD+AI": TRIPOD_AI}[section]
        assert f"{answered} of {len(items)} items are answered by the run." in text


def test_a_cell_stays_a_cell(inputs):
    hostile = dataclasses.replace(inputs, data_description="A | B\n\n# C")
    rows = answers(checklist_markdown(evaluate(hostile, CONFIG, 0)))
    assert rows["CLAIM 2024"]["7"] == "A \\| B # C"


@pytest.mark.parametrize("unit", ["nodule", "patch"])
def test_a_split_that_shares_says_what(inputs, unit):
    rows = answers(checklist_markdown(evaluate(dataclasses.replace(inputs, split_unit=unit), CONFIG, 0)))
    assert unit in rows["CLAIM 2024"]["20"].lower()


def test_without_cohort_splits_and_configuration_less_is_answered(inputs):
    bare = dataclasses.replace(inputs, summary={}, cohort=None, config={})
    rows = answers(checklist_markdown(evaluate(bare, CONFIG, 0)))
    assert rows["CLAIM 2024"]["8"] == rows["CLAIM 2024"]["14"] == "**Researcher**"
    assert rows["TRIPOD+AI"]["21"].startswith("400 evaluation patches")
