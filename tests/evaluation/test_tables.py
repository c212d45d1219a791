"""Table 1 and Table 2 for README, report and terminal."""

import copy
import io

import pytest
from rich.console import Console

from lungnet.config import EvaluationConfig
from lungnet.evaluation import (
    TABLE_1,
    TABLE_METRICS,
    evaluate,
    literature_markdown,
    rich_table,
    table_markdown,
    table_rows,
)


@pytest.fixture
def metrics(inputs):
    return evaluate(inputs, EvaluationConfig(bootstrap=40), 0)


def test_papers_values_are_those_of_table_1():
    assert list(TABLE_1) == ["gan_cae_calm", "gan_cae_nn", "gan_cae_lr", "gan_cae_svm", "ae", "cnn"]
    assert tuple(TABLE_1["gan_cae_calm"].values()) == (0.953, 0.949, 0.95, 0.95, 0.97)
    assert tuple(TABLE_1["cnn"].values()) == (0.89, 0.88, 0.90, 0.89, 0.95)
    assert all(tuple(row) == TABLE_METRICS for row in TABLE_1.values())


def test_each_model_stands_above_the_papers_values(metrics):
    rows = table_rows(metrics)
    assert [(row.name, row.source) for row in rows[:4]] == [
        ("GAN+CAE+CALM", "here"),
        ("GAN+CAE+CALM", "paper"),
        ("GAN+CAE+NN", "here: not run"),
        ("GAN+CAE+NN", "paper"),
    ]
    assert len(rows) == 12
    assert rows[1].cells == ("95.3", "94.9", "95.0", "95.0", "0.97")
    assert rows[2].cells == ("–",) * 5


def test_cells_hold_value_and_interval(metrics):
    metrics["rows"]["cnn"]["balanced"]["accuracy"] = {"value": 0.91234, "low": 0.85, "high": 0.95}
    metrics["rows"]["cnn"]["balanced"]["precision"] = {"value": None, "low": None, "high": None}
    metrics["rows"]["cnn"]["balanced"]["recall"] = {"value": 0.5, "low": None, "high": None}
    metrics["rows"]["cnn"]["balanced"]["auc"] = {"value": 0.96789, "low": 0.9, "high": 1.0}
    cells = table_rows(metrics)[-2].cells
    assert (*cells[:3], cells[4]) == ("91.2 (85.0–95.0)", "–", "50.0", "0.968 (0.900–1.000)")


def test_markdown_is_a_table_with_one_width(metrics):
    lines = table_markdown(metrics).splitlines()
    assert lines[0].split("|")[1:-1] == [cell for cell in lines[0].split("|")[1:-1] if cell]
    assert {line.count("|") for line in lines} == {8}
    assert len({len(line) for line in lines}) == 1
    assert lines[2].startswith("| **GAN+CAE+CALM** | here ")
    assert "*95.3*" in lines[3]


def test_own_prevalence_stands_alone(metrics):
    text = table_markdown(metrics, "own")
    assert "paper" not in text
    assert text.splitlines()[2].count("|") == 7
    precision = metrics["rows"]["cnn"]["own"]["precision"]["value"]
    assert f"{100 * precision:.1f} (" in text


def test_rows_of_other_names_come_last(metrics):
    changed = copy.deepcopy(metrics)
    changed["rows"]["mine"] = {**changed["rows"]["cnn"], "name": "mine"}
    assert table_rows(changed)[-1].name == "mine"
    assert len(table_rows(changed)) == 13


def test_an_unknown_prevalence_is_refused(metrics):
    with pytest.raises(ValueError, match=r"prevalence must be 'own' or 'balanced'. Received: 'half'"):
        table_rows(metrics, "half")  # type: ignore[arg-type]


def test_literature_has_ours_on_top(metrics):
    lines = literature_markdown(metrics).splitlines()
    assert lines[2].startswith("| **GAN+CAE+CALM, here**")
    assert "| Nascimento et al. [12]" in lines[5]
    assert "92.8" in lines[5]
    assert len(lines) == 9


@pytest.mark.parametrize("width", [80, 100, 140])
def test_no_digit_is_lost_in_a_terminal(metrics, width):
    stream = io.StringIO()
    Console(file=stream, width=width).print(rich_table(metrics))
    text = stream.getvalue()
    assert "…" not in text
    assert "GAN+CAE+CALM" in text
    assert "40 bootstrap resamples over 40 groups" in " ".join(text.split())
    if width == 140:
        auc = metrics["rows"]["cnn"]["own"]["auc"]
        assert f"{auc['value']:.3f} ({auc['low']:.3f}–{auc['high']:.3f})" in text
