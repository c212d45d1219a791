"""What a run can answer of a checklist on data and model, from `metrics.json`; None where only people can."""

from collections.abc import Callable, Mapping
from typing import Any

from lungnet.evaluation.datasets import named_in

Metrics = Mapping[str, Any]
Answer = Callable[[Metrics], str | None]


def first_row(metrics: Metrics) -> Mapping[str, Any]:
    """Returns the model in question."""
    row: Mapping[str, Any] = next(iter(metrics["rows"].values()))
    return row


def technology(metrics: Metrics) -> str:
    """Which kind of method it is."""
    return (
        f"Deep learning: {first_row(metrics)['name']} (generative adversarial network, convolutional "
        "autoencoder, classifier), developed and internally evaluated."
    )


def goal(metrics: Metrics) -> str:
    """What is told from what."""
    return {
        "nodule": "Development of a classifier of patches: nodule or not.",
        "malignancy": "Development of a classifier of nodules: rated malignant or benign by readers.",
    }.get(metrics["task"], f"Development of a classifier, task {metrics['task']}.")


def data_source(metrics: Metrics) -> str:
    """Which data, and the public data that they name."""
    public = ", ".join(
        f"{data.name} ({data.license}, {data.link})" for data in named_in(metrics["data_description"])
    )
    return metrics["data_description"] + (f" Public data: {public}." if public else "")


def eligibility(metrics: Metrics) -> str | None:
    """What each rule of selection left."""
    funnel = (metrics["cohort"] or {}).get("funnel", [])
    if not funnel:
        return None
    counted = ("scans", "patients", "nodules", "patches")
    stages = []
    for stage in funnel:
        counts = ", ".join(f"{stage[key]:,} {key}" for key in counted if stage.get(key) is not None)
        stages.append(f"{stage['name'].replace('_', ' ')}: {counts}")
    return f"What each rule left: {'; '.join(stages)}. Exclusions with their reasons are in `cohort.json`."


def preprocessing(metrics: Metrics) -> str:
    """From CT to network input."""
    window = metrics["config"].get("window_hu") or metrics["model"].get("window_hu")
    words = (
        "40 x 40 patches of axial slices at native pixel spacing in Hounsfield units, -1000 outside the image"
    )
    if window is None:
        return f"{words}."
    return f"{words}; clipped to {window[0]:g} to {window[1]:g} HU and scaled to [0, 1] inside the model."


def deidentification(metrics: Metrics) -> str:
    """What happens to identities here."""
    return (
        "Ids of research archives are kept, others become keyed hashes; names, dates and paths enter no "
        "patch, log or model. How the source was de-identified: researcher."
    )


def missing(metrics: Metrics) -> str:
    """What is done about missing values."""
    return (
        "Patches without label are left out and counted (data section); pixels outside the image are "
        "-1000 HU. No value is imputed."
    )


def reference(metrics: Metrics) -> str | None:
    """What makes a patch positive, as far as the run knows."""
    if metrics["is_phantom"]:
        return "The phantom's own nodules, whose outlines come from LIDC-IDRI's readers."
    if metrics["task"] == "malignancy":
        return (
            "Readers' ratings of malignancy: at least 4 of 5 is positive, at most 2 negative. No pathology."
        )
    rules = metrics["config"].get("selection")
    if rules and (metrics["cohort"] or {}).get("funnel"):
        return f"Nodules marked by at least {rules['min_readers']} readers of LIDC-IDRI."
    return None


def partitions(metrics: Metrics) -> str:
    """How patches were parted, and into how many."""
    parts = []
    for split, counts in metrics["splits"].items():
        parts.append(f"{split}: {counts['patches']:,} patches of {counts['patients']:,} patients or groups")
    how = {
        "patient": "By patient (or group), drawn by hash or named",
        "nodule": "By patient for evaluation, by nodule for inner validation",
        "patch": "At random over patches",
    }[metrics["split_unit"]]
    return f"{how}. {'; '.join(parts)}." if parts else f"{how}."


def disjoint(metrics: Metrics) -> str:
    """At which level nothing is shared."""
    return {
        "patient": "Patient, or group where patches come with groups: none has patches in two splits.",
        "nodule": "Patient for evaluation; nodule for inner validation.",
        "patch": "Patch: nodules and patients are on both sides, and the numbers are too good for it.",
    }[metrics["split_unit"]]


def sample_size(metrics: Metrics) -> str:
    """How many there are; why so many only the researcher knows."""
    return (
        f"{metrics['patches']:,} evaluation patches, {metrics['positives']:,} positive, of "
        f"{metrics['groups']:,} patients or groups. How the number was arrived at: researcher."
    )


def model(metrics: Metrics) -> str:
    """Where the model is described."""
    return "`model_card.md` (architecture, input, output) and the whole configuration in the report."


def software(metrics: Metrics) -> str:
    """Libraries and versions."""
    versions = ", ".join(f"{name} {version}" for name, version in metrics["software"].items())
    return f"lungnet {metrics['lungnet_version']}" + (f"; {versions}." if versions else ".")


def initialisation(metrics: Metrics) -> str:
    """Where weights begin."""
    seed = metrics["config"].get("seed")
    return "Random weights, nothing pre-trained" + (f"; seed {seed}." if seed is not None else ".")


def training(metrics: Metrics) -> str:
    """How it was trained, as far as one line holds it."""
    config, said = metrics["config"], []
    if "augment" in config:
        said.append(
            f"{config['augment']['rate']:g} synthetic per real positive of training, from a WGAN-GP "
            f"trained on them"
        )
    if "cae" in config:
        said.append(f"epochs for each layer of the autoencoder: {config['cae']['epochs']}")
    course = first_row(metrics)["training"]
    if course and "iterations" in course:
        said.append(f"iterations of the classifier: {course['iterations']}")
    said.append("all settings are in the configuration of the report")
    return f"{'; '.join(said)}."


def selection(metrics: Metrics) -> str:
    """Which state of the model was kept."""
    course = first_row(metrics)["training"] or {}
    kept = course.get("kept_iteration")
    which = f"Iteration {kept}, chosen on inner validation" if kept else "The end of training"
    return f"{which}; the threshold is {metrics['threshold_origin']}."


def availability(metrics: Metrics) -> str:
    """What is there to be shared."""
    return (
        "Software: lungnet, Apache-2.0. Model: SavedModel and ONNX of this run, named by fingerprint in "
        f"the card. Data: {data_source(metrics)} Where the model is published: researcher."
    )


def imbalance(metrics: Metrics) -> str:
    """How the classes are weighed."""
    train = metrics["splits"].get("train")
    share = f" ({train['positive']:,} positive, {train['negative']:,} negative)" if train else ""
    return (
        f"Positives of training are repeated and synthesised{share}, as far as a step takes synthetic ones "
        f"(the configuration says which do); probabilities are "
        f"calibrated at the share of inner validation, and measures are given at both."
    )


def output(metrics: Metrics) -> str:
    """What the model says, and from where on it says yes."""
    threshold = first_row(metrics)["threshold"]
    return f"A probability; positive from {threshold:.3f} on, {metrics['threshold_origin']}."


def specification(metrics: Metrics) -> str:
    """Where the model can be had in full."""
    fingerprint = metrics["model"].get("fingerprint")
    named = f" (fingerprint {fingerprint[:12]})" if fingerprint else ""
    return f"SavedModel and ONNX{named}; lineage from data to model with `lungnet lineage`."
