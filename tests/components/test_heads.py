import json
from dataclasses import replace

from lungnet.components import BaselineTrainer, CaeTrainer, CalmTrainer, FeatureGen
from lungnet.components.baseline_trainer import ROWS
from lungnet.config import CaeConfig, CalmConfig, Config


def test_rows_on_features_may_leave_synthetic_patches_to_the_encoder(
    do, examples_of, patches_of, monkeypatch
):
    patches = patches_of("A", 12)
    synthetic = [replace(patches[1], source="synthetic", patient_id="synthetic", group_id="synthetic")] * 4
    examples = examples_of(train=[*patches, *synthetic], validation=patches_of("B", 8))
    cae = CaeConfig(filters=(2, 2), kernels=(5, 3), epochs=1, batch_size=4, fine_tune_epochs=0)

    def config(on: str) -> Config:
        calm = CalmConfig(train_on=on, hidden=(4, 2), batch_size=4, max_iterations=2, trees=5)
        return Config(cae=cae, calm=calm, baselines={"nn_epochs": 1})

    encoder = do(CaeTrainer, {"examples": examples}, config("all"))["encoder"]
    features = do(FeatureGen, {"examples": examples, "encoder": encoder})["features"]
    inputs = {"features": features, "encoder": encoder}

    def prevalence(row: str, on: str) -> float:
        if row == "gan_cae_calm":
            classifier = do(CalmTrainer, inputs, config(on))["classifier"]
        else:
            monkeypatch.setattr(BaselineTrainer, "SPEC", ROWS[row])
            classifier = do(BaselineTrainer, inputs, config(on), row=row)["classifier"]
        return json.loads((classifier.uri / "classifier.json").read_text("utf-8"))["training_prevalence"]

    rows = ("gan_cae_calm", "gan_cae_nn", "gan_cae_lr", "gan_cae_svm")
    assert {row: prevalence(row, "real") for row in rows} == dict.fromkeys(rows, 6 / 12)
    assert prevalence("gan_cae_calm", "all") == prevalence("gan_cae_lr", "all") == 10 / 16
