import json

import pytest

from lungnet.config import Config, EvaluationConfig
from lungnet.evaluation import (
    CrossValidationInputs,
    benchmark_markdown,
    cross_validate,
    difference_lines,
    write_benchmark,
)
from tests.evaluation.fold_runs_of import fold_run, random_runs, with_rows

NAMES = {"a": "gan_cae_calm", "b": "gan_cae_nn", "c": "cnn"}


def renamed(runs):
    return [
        with_rows(run, {NAMES[row]: p for row, p in run.predictions.probabilities.items()}) for run in runs
    ]


def measured(runs, **known) -> dict:
    known = {"data_description": "Arrays of made.npz.", "fold_rule": "runs of neighbours", **known}
    return cross_validate(CrossValidationInputs(runs=runs, **known), EvaluationConfig(bootstrap=100), 0)


@pytest.fixture(scope="module")
def metrics() -> dict:
    return measured(renamed(random_runs()), config=Config(seed=2).model_dump(mode="json"))


def lines_of(report: str, title: str) -> list[list[str]]:
    """The cells of the first table below a title."""
    lines = report.split(f"## {title}")[1].splitlines()
    first = next(index for index, line in enumerate(lines) if line.startswith("|"))
    table = []
    for line in lines[first:]:
        if not line.startswith("|"):
            break
        table.append([cell.strip() for cell in line.strip("|").split("|")])
    return table


def test_table_1_has_the_paper_beside_what_was_measured(metrics):
    table = lines_of(benchmark_markdown(metrics), "Results (Table 1)")
    calm, paper = table[2], table[3]
    estimate = metrics["rows"]["gan_cae_calm"]["own"]["auc"]
    assert calm[:2] == ["**GAN+CAE+CALM**", "here"]
    assert calm[-1] == f"{estimate['value']:.3f} ({estimate['low']:.3f}–{estimate['high']:.3f})"
    assert paper[1:] == ["*paper*", "*95.3*", "*94.9*", "*95.0*", "*95.0*", "*0.97*"]
    assert ["**AE**", "here: not run", *["–"] * 5] in table


def test_differences_say_whether_anything_is_known(metrics):
    table = lines_of(benchmark_markdown(metrics), "GAN+CAE+CALM against the others")
    plain, cnn = table[2:]
    assert (plain[0], plain[2]) == ("GAN+CAE+NN", "yes")
    assert (cnn[0], cnn[2], cnn[-1]) == ("CNN", "no", "6 of 6 runs")


def test_differences_fit_into_a_line_each(metrics):
    plain, cnn = difference_lines(metrics)
    estimate = metrics["differences"]["rows"]["cnn"]["auc"]
    low, high = estimate["low"], estimate["high"]
    assert plain.startswith("GAN+CAE+CALM less GAN+CAE+NN: AUC -0.0")
    assert cnn == (
        f"GAN+CAE+CALM less CNN: AUC {estimate['value']:+.3f} ({low:+.3f} to {high:+.3f}), "
        "greater in 6 of 6 runs"
    )


def test_folds_stand_side_by_side_and_pooled_beside(metrics):
    report = benchmark_markdown(metrics)
    assert lines_of(report, "AUC fold by fold")[0] == [
        *("Model", "Fold 0", "Fold 1", "Fold 2"),
        *("Mean", "Pooled", "Runs"),
    ]
    calm = lines_of(report, "AUC fold by fold")[2]
    assert calm[-2:] == [f"{metrics['rows']['gan_cae_calm']['pooled_auc']:.3f}", "12"]
    assert lines_of(report, "Data and folds")[2] == ["0", "g00, g01, g02, g03", "48", "16", "4"]
    assert "12 groups; runs of neighbours." in report


def test_settings_are_told(metrics):
    assert lines_of(benchmark_markdown(metrics), "Configuration")[2] == ["`seed`", "2", "0"]


def test_what_a_reader_must_not_miss():
    runs = [
        run
        if run.fold == 0
        else with_rows(run, {"gan_cae_calm": run.predictions.probabilities["gan_cae_calm"]})
        for run in renamed(random_runs(folds=2, groups_per_fold=2))
    ]
    report = benchmark_markdown(
        measured(
            runs,
            missing=("fold 2, seed 0", "fold 2, seed 1"),
            source_states=2,
            task="malignancy",
            split_unit="nodule",
            data_description="A phantom.",
        )
    )
    for warning in (
        "Not run to the end yet: fold 2, seed 0; fold 2, seed 1.",
        "**GAN+CAE+NN is not in every fold**, but in these: 0.",
        "made by 2 states of lungnet's sources",
        "The CT is a phantom",
        "The truth is an opinion",
        "Intervals are over patches.** There are 4 groups",
        "Inner validation is not of other patients",
    ):
        assert warning in report
    assert "\n>" not in benchmark_markdown(measured(renamed(random_runs())))


def test_a_single_row_is_compared_with_none():
    report = benchmark_markdown(measured([fold_run(0, [0, 1], ["a", "b"], {"cnn": [0.1, 0.9]})]))
    assert "against the others" not in report


def test_the_files_are_written(metrics, tmp_path):
    runs = renamed(random_runs())
    write_benchmark(tmp_path / "out", metrics, runs)
    assert json.loads((tmp_path / "out/metrics.json").read_text("utf-8")) == metrics
    assert (tmp_path / "out/report.md").read_text("utf-8") == benchmark_markdown(metrics)
    page = (tmp_path / "out/report.html").read_text("utf-8")
    assert page.startswith("<!doctype html>")
    assert "<h1>Cross-validation</h1>" in page
    assert (tmp_path / "out/predictions.csv").read_text("utf-8").startswith("fold,seed,head_seed,index,")


def test_shuffled_labels_are_told_first(metrics):
    config = Config.model_validate({"patches": {"shuffle_labels": True}}).model_dump(mode="json")
    report = benchmark_markdown({**metrics, "config": config})
    assert report.index("**THE LABELS WERE SHUFFLED.**") < report.index("## ")
    assert "SHUFFLED" not in benchmark_markdown(metrics)
