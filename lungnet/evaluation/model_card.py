"""The model card of the first row, from `metrics.json` alone."""

from collections.abc import Iterator, Mapping
from typing import Any

from lungnet.evaluation.datasets import named_in
from lungnet.evaluation.model_card_limits import limitations, out_of_scope, risks, tradeoffs
from lungnet.evaluation.model_card_schema import (
    ConfidenceInterval,
    Considerations,
    Dataset,
    Decision,
    Description,
    KeyVal,
    License,
    ModelCard,
    ModelDetails,
    ModelParameters,
    Origin,
    PerformanceMetric,
    QuantitativeAnalysis,
    Reference,
    Training,
    Version,
)

PAPER = (
    "Clustering augmented learning for lung nodules on CT: WGAN-GP, layer-wise convolutional autoencoder and "
    "CALM; the method's paper, whose values stand beside the measured ones in the report."
)
#: Task -> what a positive patch is.
POSITIVE = {
    "nodule": "a lung nodule at the centre of the patch",
    "malignancy": "a nodule that readers would rate 4 or 5 of 5 for malignancy, against 1 or 2",
}
#: Measures that need no threshold.
_OF_ALL_THRESHOLDS = ("auc", "average_precision")
_DIGITS = 12


def model_card(metrics: Mapping[str, Any]) -> ModelCard:
    """Writes the card of the model in question, the first row.

    Args:
        metrics: what `evaluate` returned, or `metrics.json` holds. What it does not know of the model stays
            empty in the card.
    """
    row = next(iter(metrics["rows"].values()))
    model = metrics["model"]
    fingerprint = model.get("fingerprint", "")
    return ModelCard(
        model_details=ModelDetails(
            name=f"{row['name']} ({metrics['task']})",
            overview=(
                f"Probability that a 40 x 40 patch of an axial CT slice shows {_positive(metrics)}. "
                "For research. NOT for diagnosis, screening, triage or treatment of patients."
            ),
            documentation="report.html beside this card; checklist.md answers CLAIM and TRIPOD+AI.",
            version=Version(
                name=f"lungnet {metrics['lungnet_version']}"
                + (f", {fingerprint[:_DIGITS]}" if fingerprint else ""),
                date=metrics["date"],
            ),
            licenses=(
                License(custom_text="Of the weights: whoever publishes them says. Of the data: see there."),
            ),
            references=(Reference(reference=PAPER),),
        ),
        model_parameters=ModelParameters(
            model_architecture=_architecture(metrics),
            data=_data(metrics),
            splits=metrics["splits"],
            input_format=(
                "Hounsfield units of 40 x 40 pixels of one axial slice at its native pixel spacing, the "
                "candidate in the middle; -1000 outside the image. Windowing is done inside the model"
                + (" ({:g} to {:g} HU).".format(*model["window_hu"]) if "window_hu" in model else ".")
            ),
            input_format_map=(KeyVal(key="patches_hu", value="int16 [batch, 40, 40], Hounsfield units"),),
            output_format="A calibrated probability, and the cluster that the patch was assigned to.",
            output_format_map=(
                KeyVal(key="probability", value=f"float32 [batch] in [0, 1]: {_positive(metrics)}"),
                KeyVal(key="cluster", value="int64 [batch], -1 for models without clusters; no diagnosis"),
            ),
        ),
        quantitative_analysis=QuantitativeAnalysis(
            performance_metrics=tuple(_performance(metrics, row)), evaluation_data=_evaluation_data(metrics)
        ),
        considerations=Considerations(
            users=_described(
                "People who build and study computer-aided detection in lung CT, and who can judge the "
                "numbers of this card."
            ),
            use_cases=_described(
                "Ranking candidates that another method found in CT of adults, for research.",
                "A baseline to compare other classifiers with on the same patches.",
            ),
            out_of_scope=_described(*out_of_scope(metrics)),
            limitations=_described(*limitations(metrics)),
            tradeoffs=_described(*tradeoffs(metrics)),
            ethical_considerations=risks(metrics),
        ),
        decision=Decision(
            threshold=row["threshold"],
            threshold_origin=metrics["threshold_origin"],
            calibration=model.get("calibrator", {}),
            expected_calibration_error=row["calibration"]["ece"],
            brier_score=row["calibration"]["brier"]["value"],
            training_prevalence=model.get("training_prevalence"),
            evaluation_prevalence=metrics["prevalence"],
            blessed=metrics["blessing"]["blessed"],
            checks=tuple(check["sentence"] for check in metrics["blessing"]["checks"]),
        ),
        training=Training(configuration=metrics["config"], course=row["training"] or {}),
        origin=Origin(
            row=next(iter(metrics["rows"])),
            task=metrics["task"],
            fingerprint=fingerprint,
            lineage=metrics["lineage"].get("model", ""),
            artifact_sha256=metrics["lineage"].get("model_sha256", ""),
            software=metrics["software"],
        ),
    )


def _described(*sentences: str) -> tuple[Description, ...]:
    return tuple(Description(description=sentence) for sentence in sentences)


def _positive(metrics: Mapping[str, Any]) -> str:
    return POSITIVE.get(metrics["task"], f"the positive class of the task {metrics['task']}")


def _architecture(metrics: Mapping[str, Any]) -> str:
    """In words, as far as the configuration says it."""
    key = next(iter(metrics["rows"]))
    config, features = metrics["config"], metrics["model"].get("features", 0)
    if not key.startswith("gan_cae") or "cae" not in config:
        return f"{metrics['rows'][key]['name']}, see the configuration of its training."
    layers = ", ".join(
        f"{filters} x {kernel}x{kernel}"
        for filters, kernel in zip(config["cae"]["filters"], config["cae"]["kernels"], strict=True)
    )
    words = (
        f"Convolutions ({layers}; ReLU, 2x2 max pooling, {config['cae']['padding']} padding) trained "
        f"layer by layer as autoencoders on real and synthetic patches"
    )
    if config["cae"]["fine_tune_epochs"]:
        words += " and fine-tuned with labels"
    words += f", {features:,} features" if features else ""
    if key == "gan_cae_calm" and "calm" in config:
        calm = config["calm"]
        dense = "-".join(str(units) for units in calm["hidden"])
        words += (
            f"; CALM: dense layers {dense}-2 whose input is augmented by the nearest of {calm['clusters']} "
            "cluster centres"
        )
    return f"{words}; calibrated."


def _data(metrics: Mapping[str, Any]) -> tuple[Dataset, ...]:
    """The run's own data first, then the public data that they come from."""
    public = named_in(metrics["data_description"])
    phantom = metrics["is_phantom"]
    if phantom:
        terms = "Pixels were computed, for nobody's CT."
    elif public:
        terms = f"As {' and '.join(data.name for data in public)}, below."
    else:
        terms = "Not known: the data's description names no public data. Whoever holds them has to say."
    own = Dataset(
        name="Phantom" if phantom else "Data of this run",
        description=metrics["data_description"],
        licenses=(License(custom_text=terms),),
        synthetic=phantom,
    )
    return (
        own,
        *(
            Dataset(
                name=data.name,
                description="Outlines, sizes and ratings of nodules."
                if phantom
                else "Where patches come from.",
                link=data.link,
                licenses=(License(identifier=data.license),),
                citations=data.citations,
            )
            for data in public
        ),
    )


def _evaluation_data(metrics: Mapping[str, Any]) -> str:
    return (
        f"{metrics['patches']:,} evaluation patches of {metrics['groups']:,} groups, "
        f"{metrics['positives']:,} "
        f"positive ({100 * metrics['prevalence']:.1f} %). {metrics['intervals']['note']}"
    )


def _performance(metrics: Mapping[str, Any], row: Mapping[str, Any]) -> Iterator[PerformanceMetric]:
    """Every measure of the row with its interval, at each prevalence and of each subgroup that was "
    "measured."""
    threshold = row["threshold"]
    own = f"all evaluation patches, {100 * metrics['prevalence']:.1f} % positive"
    for part, name in (("own", own), ("balanced", "all evaluation patches, reweighted to 50 % positive")):
        for metric, estimate in row[part].items():
            if metric not in _OF_ALL_THRESHOLDS:
                yield _metric(metrics, metric, estimate, name, threshold)
            elif metric != "auc" or part == "own":  # an AUC is the same at every prevalence
                yield _metric(metrics, metric, estimate, name)
    yield _metric(metrics, "brier_score", row["calibration"]["brier"], own)
    if at := row["candidates"]:
        name = f"all evaluation patches, reweighted to {100 * at['prevalence']:.2f} % positive"
        yield _metric(metrics, "precision", at["precision"], name, threshold)
        yield _metric(metrics, "average_precision", at["average_precision"], name)
    for table in row["subgroups"].values():
        for part in table["subgroups"]:
            counts = f"{part['positives']:,} positive, {part['negatives']:,} negative"
            name = f"{table['title']}: {part['name']} ({counts})"
            for metric in ("auc", "recall", "specificity", "balanced_accuracy"):
                if metric in part:
                    unit = part["interval_unit"]
                    at_threshold = None if metric in _OF_ALL_THRESHOLDS else threshold
                    yield _metric(metrics, metric, part[metric], name, at_threshold, unit)


def _metric(
    metrics: Mapping[str, Any],
    name: str,
    estimate: Mapping[str, Any],
    part: str,
    threshold: float | None = None,
    unit: str | None = None,
) -> PerformanceMetric:
    interval = None
    if estimate["low"] is not None:
        interval = ConfidenceInterval(
            lower_bound=estimate["low"],
            upper_bound=estimate["high"],
            confidence=metrics["intervals"]["confidence"],
            unit=unit or metrics["intervals"]["unit"],
        )
    return PerformanceMetric(
        type=name, value=estimate["value"], confidence_interval=interval, threshold=threshold, slice=part
    )
