"""What InfraValidator does."""

import json
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lungnet.components.infra_validator.fresh_process import python_module, run_fresh
from lungnet.config import InfraValidationConfig
from lungnet.export import (
    OnnxReference,
    ParityError,
    ParityReport,
    SavedModelReference,
    compare_answers,
    make_batches,
)
from lungnet.export.parity import Reference
from lungnet.files import write_json
from lungnet.hashing import file_sha256
from lungnet.patches import load_examples
from lungnet.pipeline import Artifact, BaseExecutor
from lungnet.serving.probe import ANSWERS, FACTS, PATCHES, REQUEST, WRONG_INPUTS

_LOGGER = logging.getLogger(__name__)

#: How long a process that nobody waits for outlives its time limit.
_GRACE_S = 10.0

Batches = Sequence[npt.NDArray[np.int16]]


class Executor(BaseExecutor):
    """Lets another process ask, and compares."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """See `lungnet.components.InfraValidator`."""
        config = InfraValidationConfig(**exec_properties["infra_validation"])
        model = input_dict["model"][0].uri / "classifier.onnx"
        held = load_examples(input_dict["examples"][0].uri, "eval")
        batches = make_batches(held.patches_hu, config.batch_sizes)
        digest = file_sha256(model)
        self.context.progress(0, 2, "a fresh process answers")
        facts, reasons = self._ask(model, batches, config)
        self.context.progress(1, 2, "its answers are compared")
        compared = None
        if not reasons:
            reasons = _objections(facts, config)
            try:
                reference = _reference(model, input_dict["classifier"][0])
                compared = self._compare(reference, batches, exec_properties["tolerance"])
            except ParityError as error:
                reasons.append(str(error))
        self._write(
            output_dict["blessing"][0],
            {
                "model_sha256": digest,
                "asked": {
                    "split": "eval",
                    "batch_sizes": list(config.batch_sizes),
                    "wrong_inputs": list(WRONG_INPUTS),
                    "providers": list(config.providers) or None,
                    "repeats": config.repeats,
                    "max_latency_ms": config.max_latency_ms,
                    "timeout_s": config.timeout_s,
                },
                "answered": facts,
                "compared": compared.to_json() if compared else None,
                "reasons": reasons,
            },
        )

    def _ask(
        self, model: Path, batches: Batches, config: InfraValidationConfig
    ) -> tuple[dict[str, Any] | None, list[str]]:
        """What the other process has seen, or why it has not."""
        folder = self.context.work_dir
        request = {
            "model": str(model.resolve()),
            "batch_sizes": [len(batch) for batch in batches],
            "repeats": config.repeats,
            "providers": list(config.providers) or None,
            "timeout_s": config.timeout_s + _GRACE_S,
        }
        write_json(folder / REQUEST, request)
        np.save(folder / PATCHES, np.concatenate(batches), allow_pickle=False)
        failure = run_fresh(python_module("lungnet.serving.probe", str(folder)), folder, config.timeout_s)
        facts = json.loads((folder / FACTS).read_text("utf-8")) if (folder / FACTS).is_file() else {}
        if "error" in facts:
            # Where the file lay is of no interest, and may tell whose it is.
            return None, [facts["error"].replace(str(model.resolve()), model.name)]
        if failure or not facts:
            return None, [f"The process that asks the model failed: {failure or 'it left no answer'}."]
        return facts, []

    def _compare(self, reference: Reference, batches: Batches, tolerance: float) -> ParityReport:
        with np.load(self.context.work_dir / ANSWERS, allow_pickle=False) as answers:
            probability, cluster = answers["probability"], answers["cluster"]

        def answered() -> Iterator[tuple[Any, Any, Any]]:
            start = 0
            for batch in batches:
                rows = slice(start, start + len(batch))
                yield batch, probability[rows], cluster[rows]
                start += len(batch)

        return compare_answers(reference, answered(), tolerance)

    def _write(self, artifact: Artifact, found: dict[str, Any]) -> None:
        reasons = found["reasons"]
        write_json(artifact.uri / "infra_validation.json", {**found, "blessed": not reasons})
        (artifact.uri / ("INFRA_NOT_BLESSED" if reasons else "INFRA_BLESSED")).touch()
        artifact.properties.update(blessed=int(not reasons), model_sha256=found["model_sha256"])
        for reason in reasons:
            _LOGGER.warning("The exported model is not blessed for serving: %s", reason)


def _reference(model: Path, classifier: Artifact) -> Reference:
    """The model that the file was made from, or the file itself where its precision is reduced.

    What a reduced precision changes was measured by the export; here it must be the same change.
    """
    exported = OnnxReference(model)
    return SavedModelReference(classifier.uri) if exported.precision == "float32" else exported


def _objections(facts: dict[str, Any] | None, config: InfraValidationConfig) -> list[str]:
    """What speaks against the model beside its answers."""
    if facts is None:
        return []
    objections = [
        f"The graph takes {name} for patches; it must refuse them."
        for name, refused in facts["wrong_inputs"].items()
        if not refused
    ]
    if facts["training_modules"]:
        objections.append(f"Serving imports {', '.join(facts['training_modules'])}; it must do without.")
    smallest = min(facts["latency_ms"], key=int)
    if facts["latency_ms"][smallest] > config.max_latency_ms:
        objections.append(
            f"A batch of {smallest} takes {facts['latency_ms'][smallest]:.1f} ms; expected at most "
            f"{config.max_latency_ms:g} ms."
        )
    return objections
