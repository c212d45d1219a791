import json
from dataclasses import replace

import numpy as np
import pytest

from lungnet.components import CaeTrainer
from lungnet.components.cae_trainer import executor
from lungnet.config import CaeConfig, Config


@pytest.mark.parametrize(("on", "sources"), [("all", {"real", "synthetic"}), ("real", {"real"})])
def test_labels_of_synthetic_patches_move_the_encoder_if_asked(
    do, examples_of, patches_of, monkeypatch, on, sources
):
    patches = patches_of("A", 12)
    synthetic = [replace(patches[1], source="synthetic", patient_id="synthetic", group_id="synthetic")] * 4
    made = examples_of(train=[*patches, *synthetic])
    seen: dict[str, int] = {}

    def fine_tune(model, patches_hu, labels, *arguments, **context):
        seen["patches"], seen["positives"] = len(patches_hu), int(np.sum(labels))
        return executor_fine_tune(model, patches_hu, labels, *arguments, **context)

    executor_fine_tune = executor.fine_tune
    monkeypatch.setattr(executor, "fine_tune", fine_tune)
    cae = CaeConfig(
        filters=(2, 2), kernels=(5, 3), epochs=1, batch_size=4, fine_tune_epochs=1, fine_tune_on=on
    )
    encoder = do(CaeTrainer, {"examples": made}, Config(cae=cae))["encoder"]
    assert seen["patches"] == 12 + 4 * ("synthetic" in sources)
    assert seen["positives"] == 6 + 4 * ("synthetic" in sources)
    assert len(json.loads((encoder.uri / "history.json").read_text())["fine_tuning"]["loss"]) == 1
