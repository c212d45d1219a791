"""What a model card has to warn of: what the model is not for, was not tested on, and may do harm with."""

from collections.abc import Mapping
from typing import Any

from lungnet.evaluation.model_card_schema import Risk


def out_of_scope(metrics: Mapping[str, Any]) -> list[str]:
    """Returns what the model must not be used for."""
    said = [
        "Diagnosis, screening, triage or treatment of patients: it is no medical device, and nobody has "
        "examined it as one.",
        "Whole CT scans by itself: it judges patches; which ones it is asked about decides how good it "
        "seems.",
        "Other organs, other imaging, coronal or sagittal slices, resampled or contrast-windowed images.",
        "Children.",
    ]
    if metrics["task"] == "nodule":
        said.append("Whether a nodule is malignant: it was never told.")
    return said


def limitations(metrics: Mapping[str, Any]) -> list[str]:
    """Returns what weakens the numbers, and what they say nothing of."""
    said = []
    if metrics["labels_shuffled"]:
        said.append("It was trained on shuffled labels, to see whether anything leaks: it knows nothing.")
    if metrics["is_phantom"]:
        said.append(
            "The CT is a phantom with synthetic pixels: the numbers show that the pipeline runs, and say "
            "nothing of patients."
        )
    if metrics["task"] == "malignancy":
        said.append(
            "The truth is readers' opinion of the images, without biopsy or follow-up: the numbers say "
            "how well ratings are met, not how well cancer is found."
        )
    if metrics["split_leaks"]:
        said.append("The split is at random over patches and leaks: the numbers are too good.")
    if metrics["split_unit"] == "nodule":
        said.append("Threshold and calibration were settled on patients that the model had been trained on.")
    if metrics["intervals"]["unit"] == "patch":
        said.append("Intervals are over single patches, which resemble each other: they are too narrow.")
    if not metrics["blessing"]["blessed"]:
        said.append("It did not reach the bounds that were set for it, and was not blessed.")
    return [
        *said,
        "Trained and judged on one collection of data: no other hospital, scanner, protocol or time was held "
        "out for a test.",
        "Which patches it was asked about decides the numbers: on negatives drawn at random from the "
        "lung they are far better than on candidates that an algorithm took for nodules.",
        "A nodule is seen in one slice at a time, in a window of 40 x 40 pixels whatever their size in "
        "millimetres; one larger than the window is seen in part.",
        "Probabilities hold at the share of positives in training and validation; elsewhere they have to be "
        "calibrated again.",
        "Age, sex, ethnicity, smoking and illnesses of the patients are not known here: no number is "
        "given by them.",
    ]


def tradeoffs(metrics: Mapping[str, Any]) -> list[str]:
    """Returns what the threshold gives away for what."""
    row = next(iter(metrics["rows"].values()))
    own = row["own"]
    return [
        f"At the threshold of {row['threshold']:.3f}, {metrics['threshold_origin']}, it finds "
        f"{100 * own['recall']['value']:.1f} % of the positives and calls "
        f"{100 * (1 - own['specificity']['value']):.1f} % of the negatives positive. It serves balanced "
        "accuracy, which weighs both errors alike; where nodules are rare, most of what it calls positive is "
        "not."
    ]


def risks(metrics: Mapping[str, Any]) -> tuple[Risk, ...]:
    """Returns what may go wrong, and what stands against it."""
    found = [
        Risk(
            name="A missed nodule, or a false alarm, is taken for a finding.",
            mitigation_strategy="Not for diagnosis. The report shows the worst errors as pictures.",
        ),
        Risk(
            name="It does worse on patients who are few in the data.",
            mitigation_strategy="Subgroups are measured where the data tell them apart; who is in the data "
            "has to be looked up with those who collected them.",
        ),
        Risk(
            name="Weights may tell of patients.",
            mitigation_strategy="Nothing that identifies a patient enters patches, logs or models; the data "
            "of research archives are de-identified. Whether a generator's patches repeat "
            "real ones is measured.",
        ),
    ]
    if metrics["real_vs_synthetic_auc"] is not None:
        found.append(
            Risk(
                name="Synthetic patches of training are all positive, and what gives them away teaches their "
                "label.",
                mitigation_strategy=f"Features tell them from real ones with an AUC of "
                f"{metrics['real_vs_synthetic_auc']:.3f}; none is among the evaluation patches.",
            )
        )
    return tuple(found)
