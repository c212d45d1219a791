"""The report as files and as text."""

import base64
import dataclasses
import json
import re
import shutil
import struct

import numpy as np
import pytest

from lungnet.config import EvaluationConfig
from lungnet.errors import InputError
from lungnet.evaluation import (
    Looked,
    Pictures,
    RowResult,
    choose_shown,
    evaluate,
    report_markdown,
    write_documents,
    write_report,
)

CONFIG = EvaluationConfig(bootstrap=40)


def written(folder, inputs, pictures=None):
    metrics = evaluate(inputs, CONFIG, 0)
    write_report(folder, metrics, inputs, pictures)
    return metrics, (folder / "report.md").read_text("utf-8")


@pytest.fixture
def pictures(inputs):
    rng = np.random.default_rng(0)
    patches = rng.integers(-1000, 400, (440, 40, 40)).astype(np.int16)
    looked = {}
    for key, row in inputs.rows.items():
        shown = choose_shown(inputs.labels, row.probabilities, row.threshold)
        maps = rng.normal(size=(2, len(shown.all), 40, 40))
        looked[key] = Looked(shown, maps[0], None if key == "cnn" else np.abs(maps[1]))
    return Pictures(patches[:400], patches[400:430], patches[430:], looked=looked)


def test_every_file_is_there_and_every_link_leads_to_a_picture(tmp_path, inputs, pictures):
    metrics, text = written(tmp_path / "report", inputs, pictures)
    links = re.findall(r"\]\((figures/[^)]+)\)", text)
    found = sorted(str(path.relative_to(tmp_path / "report")) for path in tmp_path.glob("report/figures/*"))
    assert sorted(links) == found
    assert len(links) == 10
    for link in links:
        content = (tmp_path / "report" / link).read_bytes()
        assert content.startswith(b"\x89PNG")
        width, height = struct.unpack(">II", content[16:24])
        assert 400 < height <= width < 2000
    stored = json.loads((tmp_path / "report" / "metrics.json").read_text("utf-8"))
    assert stored == json.loads(json.dumps(metrics))


def test_the_same_arguments_give_the_same_bytes(tmp_path, inputs, pictures):
    for name in ("one", "two"):
        written(tmp_path / name, inputs, pictures)
    files = [path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file()]
    assert len(files) == 17
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes(), file


def test_the_page_has_the_words_and_the_pictures_inside(tmp_path, inputs, pictures):
    written(tmp_path, inputs, pictures)
    page = (tmp_path / "report.html").read_text("utf-8")
    sources = re.findall(r'<img [^>]*src="([^"]+)"', page)
    assert len(sources) == 10
    for source, figure in zip(sources[2:3], ["figures/figure_6_roc.png"], strict=True):
        content = base64.b64decode(source.removeprefix("data:image/png;base64,"))
        assert content == (tmp_path / figure).read_bytes()
    assert "A made-up set." in page
    assert "Where GAN+CAE+CALM looked" in page
    assert "<summary>The whole configuration</summary>" in page
    assert "http" not in re.sub(r'http-equiv|base64,[^"]+', "", page)


def test_documents_are_the_same_from_what_was_stored(tmp_path, inputs, pictures):
    written(tmp_path / "one", inputs, pictures)
    shutil.copytree(tmp_path / "one" / "figures", tmp_path / "two" / "figures")
    stored = json.loads((tmp_path / "one" / "metrics.json").read_text("utf-8"))
    write_documents(tmp_path / "two", stored)
    for name in ("report.html", "report.md", "model_card.json", "model_card.md", "checklist.md"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name


def test_what_led_to_the_model_is_told(inputs):
    known = dataclasses.replace(
        inputs,
        software={"tensorflow": "2.21.0"},
        lineage={
            "model": "CalmTrainer/classifier/9",
            "artifacts": [{"type": "Examples", "uri": "Augmenter/examples/5", "sha256": "ab" * 32}],
        },
    )
    text = report_markdown(evaluate(known, CONFIG, 0))
    assert "The model is `CalmTrainer/classifier/9` of its pipeline root" in text
    assert "| Examples | `Augmenter/examples/5` | –         | `abababababababab` |" in text
    assert "Made with tensorflow 2.21.0." in text
    assert "## Lineage" not in report_markdown(evaluate(inputs, CONFIG, 0))


def test_curves_can_be_drawn_again(tmp_path, inputs):
    first = inputs.rows["gan_cae_calm"]
    history = {**first.history, "loss": np.array([0.7, np.inf, 0.4])}
    rows = {**inputs.rows, "gan_cae_calm": dataclasses.replace(first, history=history)}
    written(tmp_path, dataclasses.replace(inputs, rows=rows))
    curves = json.loads((tmp_path / "curves.json").read_text("utf-8"))
    roc = curves["cnn"]["roc"]
    assert len(roc["false_positive_rate"]) == len(roc["true_positive_rate"]) > 3
    assert roc["true_positive_rate"][-1] == 1.0
    assert curves["gan_cae_calm"]["history"]["loss"] == [0.7, None, 0.4]
    assert curves["gan_cae_calm"]["history"]["cluster_sizes"] == [[3, 4], [2, 5], [2, 5]]
    assert curves["cnn"]["history"] is None


def test_what_a_reader_looks_for_is_said(inputs):
    metrics = evaluate(inputs, CONFIG, 0)
    text = report_markdown(metrics)
    for expected in (
        "A made-up set.",
        "2026-11-23",
        "by patient",
        "not for diagnosis",
        "400 patches of 40 groups",
        "| no outlier in x, y or z | 1,234 | 7        | 8       |",
        "| train | 10      | 4        | 6        | 1         | 3       | 2        | 2      |",
        "## Verdict\n\nGAN+CAE+CALM is **blessed**:\n\n- AUC 0.",
        "## Results (Table 1)",
        "*95.3*",
        "over 40 groups: whole groups are drawn",
        "frozen on inner-validation patients",
        "GAN+CAE+CALM trained for 3 iterations, until its clusters had settled; iteration 2 was kept.",
        "AUC of 0.750",
        "Kuruvilla and Gunavathi [10]",
        "| `seed` | 3    | 0       |",
    ):
        assert expected in text, expected
    assert "leaks" not in text
    assert "hantom" not in text
    assert "figures/" not in text


def test_warnings_come_before_the_data(inputs):
    changed = dataclasses.replace(
        inputs, split_unit="patch", data_description="A phantom.", groups=np.repeat(["a", "b"], 200)
    )
    text = report_markdown(evaluate(changed, CONFIG, 0))
    warnings = text[: text.index("## Verdict")]
    assert "> **The CT is a phantom.**" in warnings
    assert "> **The split leaks.**" in warnings
    assert "> **Intervals are over patches.** There are 2 groups, fewer than 10" in warnings
    assert "intervals over single patches" in warnings


def test_validation_of_known_patients_is_said(inputs):
    text = report_markdown(evaluate(dataclasses.replace(inputs, split_unit="nodule"), CONFIG, 0))
    assert "> **Inner validation is not of other patients.**" in text


def test_a_perfect_row_alone_is_reported_with_its_caveat(tmp_path, inputs):
    y = np.asarray(inputs.labels)
    bare = dataclasses.replace(
        inputs,
        rows={"cnn": RowResult("cnn", y.astype(float), 0.5)},
        summary={},
        cohort=None,
        config={},
        real_vs_synthetic_auc=None,
    )
    _, text = written(tmp_path, bare, Pictures(np.zeros((400, 40, 40), np.int16)))
    assert "AUC 1.000 (1.000–1.000)" in text
    assert "it does not mean that none can occur" in text
    assert "no history" in text
    for absent in (
        "### Cohort",
        "### Splits",
        "## Configuration",
        "Real and synthetic",
        "against the others",
    ):
        assert absent not in text


def test_undefined_precision_is_explained(inputs):
    halved = RowResult("cnn", 0.5 * np.asarray(inputs.rows["cnn"].probabilities), 1.0)
    text = report_markdown(evaluate(dataclasses.replace(inputs, rows={"cnn": halved}), CONFIG, 0))
    assert '"–" stands for undefined' in text
    assert "40 of 40 resamples" in text


def test_balanced_sets_need_one_table(inputs):
    y = np.tile([0, 1], 200)
    p = np.clip(np.asarray(inputs.rows["cnn"].probabilities) * 0.5 + 0.4 * y, 0.0, 1.0)
    balanced = dataclasses.replace(inputs, labels=y, rows={"cnn": RowResult("cnn", p, 0.5)})
    assert "own prevalence of" not in report_markdown(evaluate(balanced, CONFIG, 0)).split("## Beside")[0]


def test_a_folder_that_cannot_be_written_is_named(tmp_path, inputs):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match="Cannot write"):
        written(tmp_path / "file", inputs)


def test_malignancy_is_an_opinion_and_its_funnel_is_of_patches(inputs):
    funnel = [
        {"name": "all", "patches": 2157, "patients": 702, "excluded": 0},
        {"name": "clear_rating", "patches": 1206, "patients": 558, "excluded": 951},
    ]
    rated = dataclasses.replace(inputs, task="malignancy", cohort={"funnel": funnel})
    text = report_markdown(evaluate(rated, CONFIG, 0))
    assert "Task: malignant or benign." in text
    assert "**The truth is an opinion.**" in text
    assert "| Rule                           | Patients | Patches |" in text
    assert "| rated at least 4, or at most 2 | 558      | 1,206   |" in text
    assert "The paper kept" not in text
    nodules = report_markdown(evaluate(inputs, CONFIG, 0))
    assert "opinion" not in nodules and "The paper kept" in nodules
