"""The whole method as Kubeflow Pipelines runs it, and what can go wrong before."""

import csv
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lungnet.cli.root_file import RootFile
from lungnet.patches import load_examples
from lungnet.phantom import write_phantom
from lungnet.serving import NoduleClassifier

#: Steps that differ from others in kind; the rest of Table 1 would only take longer.
SMALL = (
    *("--set", "baselines.rows=['gan_cae_lr']"),
    *("--set", "patches.patches_per_nodule=2"),
    *("--set", "evaluation.bless_min_auc=0"),
    *("--set", "evaluation.bless_min_balanced_accuracy=0"),
    *("--seed", "3"),
)


def newest(root: Path, component: str, key: str) -> Path:
    return max((root / component / key).iterdir(), key=lambda folder: int(folder.name))


def test_the_method_on_a_cluster_makes_what_it_makes_here(
    kubeflow: Any, lungnet: Callable, tiny: list[str], tmp_path: Path
):
    """Compiled by the command line and run by `kfp.local`, on CTs of a phantom."""
    ct, file, local = tmp_path / "ct", tmp_path / "pipeline.yaml", tmp_path / "local"
    write_phantom(ct, 4, 0)
    serving = f"pusher.destination={tmp_path}/serving"
    compiled = kubeflow("-m", "lungnet", "compile", file, "--data", ct, *tiny, *SMALL, "--set", serving)
    assert (compiled.returncode, compiled.stdout.strip()) == (0, str(file)), compiled.stderr
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(kubeflow.run, file, tmp_path / "cluster")
        here = lungnet("run", "--data", ct, "--root", local, *tiny, *SMALL)
        ran = running.result()
    assert here.code == 0, here.err
    assert ran.returncode == 0, ran.stdout[-5000:] + ran.stderr[-5000:]

    (cluster,) = (tmp_path / "cluster").glob("lungnet-*")
    on_cluster = (cluster / "evaluator/predictions/predictions.csv").read_bytes()
    assert on_cluster == (newest(local, "Evaluator", "predictions") / "predictions.csv").read_bytes()
    metrics, expected = (
        json.loads((folder / "metrics.json").read_text("utf-8"))
        for folder in (cluster / "evaluator/evaluation", newest(local, "Evaluator", "evaluation"))
    )
    # Where artifacts lie, and by what they are known, is the place's; all else is the method's.
    assert metrics.pop("lineage") != expected.pop("lineage")
    assert metrics == expected
    answer = json.loads((cluster / "calmtrainer/executor_output.json").read_text("utf-8"))
    (classifier,) = answer["artifacts"]["classifier"]["artifacts"]
    facts = json.loads((newest(local, "CalmTrainer", "classifier") / "classifier.json").read_text("utf-8"))
    assert classifier["metadata"]["fingerprint"] == facts["fingerprint"]

    held = load_examples(cluster / "augmenter/examples", "eval")
    model_file = cluster / "onnxexporter/model/classifier.onnx"
    model = NoduleClassifier(model_file)
    with (cluster / "evaluator/predictions/predictions.csv").open() as stream:
        by_keras = [float(row["probability_gan_cae_calm"]) for row in csv.DictReader(stream)]
    np.testing.assert_allclose(model.predict(held.patches_hu), by_keras, atol=1e-4)
    (pushed,) = (tmp_path / "serving").glob("*/classifier.onnx")
    assert pushed.read_bytes() == model_file.read_bytes()


def test_data_and_settings_may_be_those_of_a_root(kubeflow: Any, finished, tmp_path: Path):
    file = tmp_path / "pipeline.yaml"
    compiled = kubeflow("-m", "lungnet", "compile", file, "--root", finished.root, "--volume", "claim:/mnt")
    assert compiled.returncode == 0, compiled.stderr
    assert "Left out: LatestBlessedModelResolver, which needs a lineage store" in compiled.stderr
    assert "Left out: Pusher, for pusher.destination names no folder" in compiled.stderr
    specification, platform = kubeflow.documents(file)
    tasks = specification["root"]["dag"]["tasks"]
    known = RootFile.read(finished.root)
    assert known is not None
    ids = {component.id for component in known.pipeline().components}
    assert set(tasks) == {one.lower().replace(".", "-").replace("_", "-") for one in ids - {"Pusher"}}
    assert tasks["calmtrainer"]["inputs"]["parameters"]["task"] == {"runtimeValue": {"constant": '"nodule"'}}
    given = specification["root"]["inputDefinitions"]["parameters"]
    assert given["input_file"]["defaultValue"] == str(finished.arrays)
    mounts = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    assert set(mounts) == {f"exec-{name}" for name in tasks}


def test_nothing_trains_before_data_that_only_the_cluster_sees_were_found_sound(
    kubeflow: Any, tmp_path: Path
):
    file = tmp_path / "pipeline.yaml"
    there = ("--data", "/mnt/ct", "--data-version", "2026-11", "--workers", 4, "--id-key-secret", "keys")
    assert kubeflow("-m", "lungnet", "compile", file, *there).returncode == 0
    specification, platform = kubeflow.documents(file)
    tasks = specification["root"]["dag"]["tasks"]
    assert "examplevalidator" in tasks["gantrainer"]["dependentTasks"]
    assert "examplevalidator-augmented" in tasks["caetrainer"]["dependentTasks"]
    given = specification["root"]["inputDefinitions"]["parameters"]
    assert given["input_base"]["defaultValue"] == "/mnt/ct"
    assert given["data_version"]["defaultValue"] == "2026-11"
    with_environment = {
        name: executor["container"]["env"]
        for name, executor in specification["deploymentSpec"]["executors"].items()
        if "env" in executor["container"]
    }
    workers = {"name": "LUNGNET_RUNTIME", "value": '{"workers":4}'}
    assert with_environment == {"exec-lidcexamplegen": [workers]}
    (found,) = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"].values()
    assert found["secretAsEnv"][0]["keyToEnv"] == [
        {"secretKey": "LUNGNET_ID_KEY", "envVar": "LUNGNET_ID_KEY"}
    ]


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (("pipeline.yaml", "--engine", "airflow"), 2, "'airflow' is not 'kubeflow'"),
        (("pipeline.yaml",), 2, "Give either --data FOLDER or --arrays FILE.npz"),
        (("pipeline.yaml", "--data", "/mnt/ct"), 1, "name its state with --data-version"),
        (("pipeline.yaml", "--data", "mnt/ct", "--data-version", "1"), 1, "mnt/ct is relative"),
        (("pipeline.yaml", "--data", "/mnt/ct", "--volume", "claim"), 2, "expected CLAIM:/PATH"),
        (
            ("pipeline.yaml", "--data", "/mnt/ct", "--state", "state"),
            2,
            "expected an absolute path on a volume",
        ),
        (("pipeline.yaml", "--data", "/mnt/ct", "--beam-option", "a=b"), 2, "is for a --beam-runner"),
        (("pipeline.txt", "--data", "/mnt/ct", "--data-version", "1"), 1, "a name that ends in .yaml"),
        (("pipeline.yaml", "--data", "/mnt/ct", "--set", "gan.widht=2"), 1, "did you mean 'width'"),
        (
            *(("pipeline.yaml", "--data", ".", "--set", "pusher.destination=serving"),),
            *(1, "pusher.destination is serving; expected an absolute path"),
        ),
    ],
)
def test_what_a_user_can_do_wrong(
    lungnet: Callable,
    options: tuple[str, ...],
    code: int,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.chdir(tmp_path)
    refused = lungnet("compile", *options)
    assert refused.code == code
    assert message in refused.err
    assert "Traceback" not in refused.err
    assert list(tmp_path.iterdir()) == []
