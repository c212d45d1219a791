"""What other rooms hand over is what the report understands."""

import dataclasses

import numpy as np

from lungnet.config import EvaluationConfig
from lungnet.evaluation import evaluate, report_markdown
from lungnet.lidc import select_cohort
from lungnet.patches import PatchExample, summarize


def test_summaries_of_splits_and_cohorts_become_tables(inputs):
    def example(label, patient, source="real"):
        return PatchExample(
            np.zeros((40, 40), np.int16), label, patient, f"series-{patient}", patient, source=source
        )

    splits = {
        "train": [example(1, "a"), example(0, "a"), example(1, "", "synthetic")],
        "validation": [example(0, "b")],
        "eval": [],
    }
    changed = dataclasses.replace(
        inputs, summary=summarize(splits)["splits"], cohort=select_cohort(scans=[]).to_json()
    )
    metrics = evaluate(changed, EvaluationConfig(bootstrap=10), 0)
    assert metrics["splits"]["train"] == {
        "patches": 3,
        "positive": 2,
        "negative": 1,
        "synthetic": 1,
        "nodules": 0,
        "patients": 1,
        "series": 1,
    }
    assert [stage["name"] for stage in metrics["cohort"]["funnel"]][:2] == ["all", "slice_thickness"]
    text = report_markdown(metrics)
    assert "| validation | 1       | 0        | 1        | 0 " in text
    assert "| marked by enough readers | 0 " in text
