"""A model card as Markdown."""

import json
from collections.abc import Iterable

from lungnet.evaluation.markdown import NOTHING, literal, markdown_table, words
from lungnet.evaluation.model_card_schema import Dataset, Description, ModelCard, PerformanceMetric

_PERCENT = {"accuracy", "precision", "recall", "f1", "specificity", "balanced_accuracy"}
_NAMES = {"auc": "AUC", "f1": "F1", "brier_score": "Brier score"}


def model_card_markdown(card: ModelCard) -> str:
    """Returns the card for people; `model_card.json` is the same for programs."""
    parts = [
        f"# Model card: {card.model_details.name}",
        f"**{card.model_details.overview}**",
        _facts(card),
        "## Intended use",
        f"Users:\n\n{_list(card.considerations.users)}",
        f"Uses:\n\n{_list(card.considerations.use_cases)}",
        f"**Not for:**\n\n{_list(card.considerations.out_of_scope)}",
        "## Input and output",
        _formats(card),
        "## Data",
        *(_dataset(data) for data in card.model_parameters.data),
        _splits(card),
        "## How good it is",
        card.quantitative_analysis.evaluation_data,
        _performance(card.quantitative_analysis.performance_metrics),
        "## Threshold, calibration, prevalence",
        _decision(card),
        "## Limits",
        _list(card.considerations.limitations),
        "## Risks",
        "\n".join(
            f"- {risk.name} {risk.mitigation_strategy}" for risk in card.considerations.ethical_considerations
        ),
        "## Training",
        f"{card.model_parameters.model_architecture}",
        "<details><summary>Configuration</summary>\n\n"
        f"```json\n{json.dumps(card.training.configuration, indent=2)}\n```\n\n</details>",
        "## Where it comes from",
        _origin(card),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _facts(card: ModelCard) -> str:
    details = card.model_details
    lines = [f"Version: {details.version.name}"]
    if details.version.date:
        lines.append(f"Evaluated: {details.version.date}")
    owners = ", ".join(owner.name for owner in details.owners)
    lines.append(f"Owners: {owners or 'to be named by whoever publishes the model'}")
    lines += [f"Licence: {(one.identifier + ' ' + one.custom_text).strip()}" for one in details.licenses]
    lines.append(f"Documentation: {details.documentation}")
    lines += [f"Method: {one.reference}" for one in details.references]
    return "\n".join(f"- {line}" for line in lines)


def _list(described: Iterable[Description]) -> str:
    return "\n".join(f"- {one.description}" for one in described)


def _formats(card: ModelCard) -> str:
    parameters = card.model_parameters
    rows = [
        *(("input", f"`{one.key}`", one.value) for one in parameters.input_format_map),
        *(("output", f"`{one.key}`", one.value) for one in parameters.output_format_map),
    ]
    table = markdown_table(("", "Name", "Holds"), rows)
    return f"{parameters.input_format}\n\n{parameters.output_format}\n\n{table}"


def _dataset(data: Dataset) -> str:
    lines = [f"**{data.name}**: {data.description}"]
    lines += [f"- Licence: {(one.identifier + ' ' + one.custom_text).strip()}" for one in data.licenses]
    if data.link:
        lines.append(f"- <{data.link}>")
    lines += [f"- To be cited: {citation}" for citation in data.citations]
    return lines[0] + "\n\n" + "\n".join(lines[1:])


def _splits(card: ModelCard) -> str:
    splits = card.model_parameters.splits
    if not splits:
        return ""
    columns = list(dict.fromkeys(key for counts in splits.values() for key in counts))
    body = [(split, *(literal(counts.get(key)) for key in columns)) for split, counts in splits.items()]
    return markdown_table(("Split", *(words(key) for key in columns)), body)


def _performance(measures: Iterable[PerformanceMetric]) -> str:
    """One table for each part of the patches."""
    by_slice: dict[str, list[PerformanceMetric]] = {}
    for measure in measures:
        by_slice.setdefault(measure.slice, []).append(measure)
    tables = []
    for part, several in by_slice.items():
        head = tuple(
            _NAMES.get(one.type, words(one.type)) + (", %" if _percent(one) else "") for one in several
        )
        body = [tuple(_value(one) for one in several)]
        tables.append(f"On {part}:\n\n{markdown_table(head, body)}")
    return "\n\n".join(tables)


def _percent(measure: PerformanceMetric) -> bool:
    return measure.type in _PERCENT


def _value(measure: PerformanceMetric) -> str:
    if measure.value is None:
        return NOTHING
    scale, digits = (100.0, 1) if _percent(measure) else (1.0, 3)
    value = f"{scale * measure.value:.{digits}f}"
    interval = measure.confidence_interval
    if interval is None:
        return value
    return f"{value} ({scale * interval.lower_bound:.{digits}f}–{scale * interval.upper_bound:.{digits}f})"


def _decision(card: ModelCard) -> str:
    decision = card.decision
    brier = NOTHING if decision.brier_score is None else f"{decision.brier_score:.3f}"
    lines = [
        f"Positive from a probability of {decision.threshold:.3f} on, {decision.threshold_origin}.",
        f"Calibration: {_calibration(card)}. Expected calibration error "
        f"{decision.expected_calibration_error:.3f}, Brier score {brier} on the evaluation patches.",
        f"Share of positives: {_share(decision.training_prevalence)} in training, "
        f"{_share(decision.evaluation_prevalence)} among the evaluation patches.",
        *(one.description for one in card.considerations.tradeoffs),
        f"{'Blessed' if decision.blessed else '**Not blessed**'}: {' '.join(decision.checks)}",
    ]
    return "\n".join(f"- {line}" for line in lines)


def _share(prevalence: float | None) -> str:
    return "unknown" if prevalence is None else f"{100 * prevalence:.1f} %"


def _calibration(card: ModelCard) -> str:
    calibration = card.decision.calibration
    method = calibration.get("method")
    if method is None:
        return "unknown"
    if method == "none":
        return "none, the plain sigmoid of the logit"
    return f"{method}, fitted on inner validation, inside the model"


def _origin(card: ModelCard) -> str:
    origin = card.origin
    rows = [
        ("Row of Table 1", origin.row),
        ("Task", origin.task),
        (
            "Fingerprint of weights and configuration",
            f"`{origin.fingerprint}`" if origin.fingerprint else NOTHING,
        ),
        ("Lineage (`lungnet lineage`)", f"`{origin.lineage}`" if origin.lineage else NOTHING),
        ("SHA-256 of its files", f"`{origin.artifact_sha256}`" if origin.artifact_sha256 else NOTHING),
        *(("Software", f"{name} {version}") for name, version in origin.software.items()),
    ]
    return markdown_table(("", ""), rows)
