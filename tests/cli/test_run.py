import csv
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable

import numpy as np

from lungnet.serving import NoduleClassifier


def test_every_step_leaves_its_artifact_in_tfx_layout(finished):
    written = {
        re.sub(r"(?<=/)\d+(?=/)|\d{5}", "N", path.relative_to(finished.root).as_posix())
        for path in finished.root.rglob("*")
        if path.is_file() and ".system" not in path.parts
    }
    for expected in (
        "ArrayExampleGen/examples/N/Split-train/data_tfrecord-N-of-N.gz",
        "ArrayExampleGen/cohort/N/cohort.json",
        "StatisticsGen/statistics/N/statistics.json",
        "ExampleValidator/anomalies/N/anomalies.json",
        "GanTrainer/generator/N/generator.keras",
        "Augmenter/examples/N/Split-eval/data_tfrecord-N-of-N.gz",
        "ExampleValidator.augmented/anomalies/N/anomalies.json",
        "CaeTrainer/encoder/N/encoder.keras",
        "GanEvaluator/quality/N/quality.json",
        "FeatureGen/features/N/Split-validation/data_tfrecord-N-of-N.gz",
        "CalmTrainer/classifier/N/Format-Serving/saved_model.pb",
        "BaselineTrainer.cnn/classifier/N/classifier.json",
        "Evaluator/evaluation/N/checklist.md",
        "Evaluator/evaluation/N/model_card.json",
        "Evaluator/evaluation/N/model_card.md",
        "Evaluator/evaluation/N/report.html",
        "Evaluator/evaluation/N/report.md",
        "Evaluator/predictions/N/predictions.csv",
        "OnnxExporter/model/N/classifier.onnx",
        "OnnxExporter/model/N/scanner.onnx",
        "InfraValidator/blessing/N/INFRA_BLESSED",
        "Pusher/pushed_model/N/classifier.onnx",
        "Pusher/pushed_model/N/model_card.json",
        "serving_model/N/classifier.onnx",
        "serving_model/N/model_card.md",
    ):
        assert expected in written
    assert any(name.startswith("Evaluator/blessing/N/") for name in written)
    assert any(name.startswith("tensorboard/GanTrainer/N/events.out.tfevents") for name in written)


def test_the_onnx_file_says_what_the_predictions_say(finished):
    with (finished.output("Evaluator", "predictions") / "predictions.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    held = np.load(finished.arrays)
    chosen = np.isin(held["groups"], [4, 5])
    assert len(rows) == chosen.sum() == 32
    assert {row["group_id"] for row in rows} == {"4", "5"}
    # The evaluation patch is the centre crop; records lie in shards, so they are matched by value.
    crops = held["patches_hu"][chosen][:, 5:45, 5:45]
    classifier = NoduleClassifier(finished.output("OnnxExporter", "model") / "classifier.onnx")
    by_onnx = sorted(zip(classifier.predict(crops).tolist(), held["labels"][chosen].tolist(), strict=True))
    by_keras = sorted((float(row["probability_gan_cae_calm"]), int(row["label"])) for row in rows)
    np.testing.assert_allclose([p for p, _ in by_onnx], [p for p, _ in by_keras], atol=1e-4)


def test_what_is_served_is_what_was_exported(finished):
    (version,) = (finished.root / "serving_model").iterdir()
    exported = finished.output("OnnxExporter", "model") / "classifier.onnx"
    assert (version / "classifier.onnx").read_bytes() == exported.read_bytes()
    facts = json.loads((version / "model.json").read_text("utf-8"))
    assert facts["threshold"] == NoduleClassifier(exported).threshold


def test_the_wired_steps_find_nothing_wrong_with_good_patches(finished):
    for validator in ("ExampleValidator", "ExampleValidator.augmented"):
        anomalies = finished.output(validator, "anomalies") / "anomalies.json"
        found = json.loads(anomalies.read_text("utf-8"))
        assert [anomaly for anomaly in found["anomalies"] if anomaly["severity"] == "fail"] == []


def test_synthetic_patches_stay_in_training(finished):
    from lungnet.patches import load_examples

    uri = finished.output("Augmenter", "examples")
    train = load_examples(uri, "train")
    real = int(((train.source == "real") & (train.labels == 1)).sum())
    assert int((train.source == "synthetic").sum()) == round(0.5 * real)
    assert train.labels.mean() == 0.5
    for split in ("validation", "eval"):
        assert set(load_examples(uri, split).source) == {"real"}


def test_the_report_has_table_figures_and_configuration(finished):
    folder = finished.output("Evaluator", "evaluation")
    report = (folder / "report.md").read_text("utf-8")
    for row in ("GAN+CAE+CALM", "GAN+CAE+NN", "GAN+CAE+LR", "GAN+CAE+SVM", "AE", "CNN"):
        assert f"**{row}**" in report
    for link in re.findall(r"\]\((figures/[^)]+)\)", report):
        assert (folder / link).read_bytes().startswith(b"\x89PNG")
    metrics = json.loads((folder / "metrics.json").read_text("utf-8"))
    assert metrics["intervals"]["unit"] == "patch"  # two groups are too few for intervals over groups
    assert metrics["split_unit"] == "patient"


def test_one_step_runs_again_where_asked_to(finished, lungnet: Callable):
    before = finished.output("StatisticsGen", "statistics")
    assert lungnet("step", "StatisticsGen", "--root", finished.root).out.strip() == str(before)
    result = lungnet("step", "StatisticsGen", "--force", "--root", finished.root)
    assert result.code == 0
    after = finished.output("StatisticsGen", "statistics")
    assert after != before
    assert result.out.strip() == str(after)
    assert (after / "statistics.json").read_bytes() == (before / "statistics.json").read_bytes()


def test_a_second_run_runs_nothing_and_imports_no_tensorflow(finished):
    code = (
        "import sys\n"
        f"sys.argv = ['lungnet', 'run', '--root', {str(finished.root)!r}]\n"
        "import lungnet.cli.main as cli\n"
        "try:\n    cli.main()\nexcept SystemExit as stop:\n    assert stop.code == 0\n"
        "sys.exit('tensorflow' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    steps = [line for line in result.stderr.splitlines() if line.startswith("[")]
    assert len(steps) >= 14
    assert all(line.endswith(": cached") for line in steps)
    assert "GAN+CAE+CALM" in result.stdout


def test_a_dry_run_says_what_a_setting_would_change(finished, lungnet: Callable):
    result = lungnet("run", "--root", finished.root, "--set", "calm.trees=6", "--dry-run")
    assert result.code == 0
    plan = dict(line.split(": ", 1) for line in result.out.splitlines())
    assert plan["CalmTrainer"] == "runs: parameter calm.trees: 5 -> 6"
    assert "CalmTrainer runs before it" in plan["Evaluator"]
    assert plan["CaeTrainer"] == plan["BaselineTrainer.gan_cae_nn"] == plan["BaselineTrainer.cnn"] == "cached"
    assert json.loads((finished.root / "pipeline.json").read_text())["config"]["calm"]["trees"] == 5


def test_the_table_is_printed(finished, lungnet: Callable):
    result = lungnet("report", "--root", finished.root)
    assert result.code == 0
    assert result.out.startswith("Arrays of blobs.npz")
    assert "**GAN+CAE+CALM**" in result.out


def test_the_report_is_written_again_with_all_that_led_to_it(finished, lungnet: Callable, tmp_path):
    result = lungnet("report", "--root", finished.root, "--output", tmp_path / "out")
    assert result.code == 0
    assert result.out == ""
    before, after = finished.output("Evaluator", "evaluation"), tmp_path / "out"
    known = json.loads((after / "metrics.json").read_text("utf-8"))
    assert {one["type"] for one in known["lineage"]["artifacts"]} >= {"Examples", "Generator", "Encoder"}
    stored = json.loads((before / "metrics.json").read_text("utf-8"))
    assert {**known, "lineage": stored["lineage"]} == stored
    card = json.loads((after / "model_card.json").read_text("utf-8"))
    assert card == json.loads((before / "model_card.json").read_text("utf-8"))
    model = finished.root / card["origin"]["lineage"] / "classifier.json"
    assert json.loads(model.read_text("utf-8"))["fingerprint"] == card["origin"]["fingerprint"]
    assert str(finished.root) not in json.dumps(known)
    page = (after / "report.html").read_text("utf-8")
    assert page.count('src="data:image/svg+xml;base64,') == 1
    assert "ArrayExampleGen/examples/" in page
    assert "<script" not in page


def test_a_report_of_another_version_is_refused(finished, lungnet: Callable, tmp_path):
    root = tmp_path / "root"
    shutil.copytree(finished.root, root)
    folder = root / finished.output("Evaluator", "evaluation").relative_to(finished.root)
    stored = json.loads((folder / "metrics.json").read_text("utf-8"))
    (folder / "metrics.json").write_text(json.dumps({**stored, "schema": "lungnet.metrics/1"}))
    result = lungnet("report", "--root", root, "--output", tmp_path / "out")
    assert result.code == 1
    assert "expected lungnet.metrics/2. Received: lungnet.metrics/1" in result.err
    assert not (tmp_path / "out").exists()


def test_importing_lungnet_is_light():
    code = (
        "import sys, lungnet, lungnet.ct, lungnet.lidc, lungnet.phantom, lungnet.patches\n"
        "import lungnet.evaluation, lungnet.export, lungnet.serving\n"
        "import lungnet.components, lungnet.pipeline, lungnet.cli.main\n"
        "heavy = {'tensorflow', 'keras', 'matplotlib', 'skimage', 'sklearn'} & set(sys.modules)\n"
        "sys.exit(f'imported: {heavy}' if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_settings_of_the_engine_reach_the_step(lungnet, tmp_path, monkeypatch):
    from lungnet.components.lidc_example_gen.executor import Executor
    from lungnet.errors import InputError

    seen = {}

    def stop(self, input_dict, output_dict, exec_properties):
        seen.update(self.context.runtime)
        raise InputError("enough")

    monkeypatch.setattr(Executor, "Do", stop)
    (tmp_path / "ct").mkdir()
    options = ["--workers", "3", "--beam-runner", "FlinkRunner", "--beam-option", "flink_master=h:1"]
    more = ["--beam-option", "--streaming", "--data", tmp_path / "ct", "--root", tmp_path / "root"]
    assert lungnet("run", *options, *more).code == 1
    assert seen == {
        "workers": 3,
        "beam_runner": "FlinkRunner",
        "beam_options": {"flink_master": "h:1", "streaming": True},
    }
