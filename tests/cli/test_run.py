import csv
import json
import re
import subprocess
import sys
from collections.abc import Callable

import numpy as np

from lungnet.serving import NoduleClassifier


def test_every_step_leaves_its_artifact_in_tfx_layout(finished):
    written = {
        re.sub(r"\d{5}", "N", path.relative_to(finished.root).as_posix())
        for path in finished.root.rglob("*")
        if path.is_file() and ".system" not in path.parts
    }
    for expected in (
        "ArrayExampleGen/examples/1/Split-train/data_tfrecord-N-of-N.gz",
        "ArrayExampleGen/cohort/1/cohort.json",
        "StatisticsGen/statistics/1/statistics.json",
        "GanTrainer/generator/1/generator.keras",
        "Augmenter/examples/1/Split-eval/data_tfrecord-N-of-N.gz",
        "CaeTrainer/encoder/1/encoder.keras",
        "FeatureGen/features/1/Split-validation/data_tfrecord-N-of-N.gz",
        "CalmTrainer/classifier/1/Format-Serving/saved_model.pb",
        "BaselineTrainer.cnn/classifier/1/classifier.json",
        "Evaluator/evaluation/1/report.md",
        "Evaluator/predictions/1/predictions.csv",
        "OnnxExporter/model/1/classifier.onnx",
    ):
        assert expected in written
    assert any(name.startswith("Evaluator/blessing/1/") for name in written)
    assert any(name.startswith("tensorboard/GanTrainer/1/events.out.tfevents") for name in written)


def test_the_onnx_file_says_what_the_predictions_say(finished):
    with (finished.root / "Evaluator/predictions/1/predictions.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    held = np.load(finished.arrays)
    chosen = np.isin(held["groups"], [4, 5])
    assert len(rows) == chosen.sum() == 32
    assert {row["group_id"] for row in rows} == {"4", "5"}
    # The evaluation patch is the centre crop; records lie in shards, so they are matched by value.
    crops = held["patches_hu"][chosen][:, 5:45, 5:45]
    classifier = NoduleClassifier(finished.root / "OnnxExporter/model/1/classifier.onnx")
    by_onnx = sorted(zip(classifier.predict(crops).tolist(), held["labels"][chosen].tolist(), strict=True))
    by_keras = sorted((float(row["probability_gan_cae_calm"]), int(row["label"])) for row in rows)
    np.testing.assert_allclose([p for p, _ in by_onnx], [p for p, _ in by_keras], atol=1e-4)


def test_synthetic_patches_stay_in_training(finished):
    from lungnet.patches import load_examples

    uri = finished.root / "Augmenter/examples/1"
    train = load_examples(uri, "train")
    real = int(((train.source == "real") & (train.labels == 1)).sum())
    assert int((train.source == "synthetic").sum()) == round(0.5 * real)
    assert train.labels.mean() == 0.5
    for split in ("validation", "eval"):
        assert set(load_examples(uri, split).source) == {"real"}


def test_the_report_has_table_figures_and_configuration(finished):
    folder = finished.root / "Evaluator/evaluation/1"
    report = (folder / "report.md").read_text("utf-8")
    for row in ("GAN+CAE+CALM", "GAN+CAE+NN", "GAN+CAE+LR", "GAN+CAE+SVM", "AE", "CNN"):
        assert f"**{row}**" in report
    for link in re.findall(r"\]\((figures/[^)]+)\)", report):
        assert (folder / link).read_bytes().startswith(b"\x89PNG")
    metrics = json.loads((folder / "metrics.json").read_text("utf-8"))
    assert metrics["intervals"]["unit"] == "patch"  # two groups are too few for intervals over groups
    assert metrics["split_unit"] == "patient"


def test_one_step_runs_again_on_what_the_others_made(finished, lungnet: Callable):
    result = lungnet("step", "StatisticsGen", "--root", finished.root)
    assert result.code == 0
    assert result.out.strip().endswith("StatisticsGen/statistics/2")
    again = (finished.root / "StatisticsGen/statistics/2/statistics.json").read_bytes()
    assert again == (finished.root / "StatisticsGen/statistics/1/statistics.json").read_bytes()


def test_the_table_is_printed(finished, lungnet: Callable):
    result = lungnet("report", "--root", finished.root)
    assert result.code == 0
    assert result.out.startswith("Arrays of blobs.npz")
    assert "**GAN+CAE+CALM**" in result.out


def test_importing_lungnet_is_light():
    code = (
        "import sys, lungnet, lungnet.ct, lungnet.lidc, lungnet.phantom, lungnet.patches\n"
        "import lungnet.evaluation, lungnet.export, lungnet.serving\n"
        "import lungnet.components, lungnet.pipeline, lungnet.cli.main\n"
        "heavy = {'tensorflow', 'keras', 'matplotlib', 'skimage', 'sklearn'} & set(sys.modules)\n"
        "sys.exit(f'imported: {heavy}' if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
