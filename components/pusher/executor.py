"""What Pusher does."""

import logging
import shutil
from pathlib import Path
from typing import Any

import lungnet
from lungnet.components.pusher.serving_folder import ServingFolder
from lungnet.config import PusherConfig
from lungnet.files import write_json
from lungnet.hashing import file_sha256
from lungnet.pipeline import Artifact, BaseExecutor
from lungnet.serving import NoduleClassifier
from lungnet.serving.versions import FACTS, MODEL

_LOGGER = logging.getLogger(__name__)

#: Folder of the pipeline root that is pushed to where the configuration names none.
DEFAULT_DESTINATION = "serving_model"


class Executor(BaseExecutor):
    """Pushes, or says why not."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """See `lungnet.components.Pusher`."""
        model, pushed = input_dict["model"][0], output_dict["pushed_model"][0]
        path = model.uri / MODEL
        digest = file_sha256(path)
        refusal = _refusal(model, digest, input_dict["model_blessing"][0], input_dict["infra_blessing"][0])
        if refusal:
            _LOGGER.warning("Not pushed: %s.", refusal)
            pushed.properties.update(pushed=0, reason=refusal)
            return
        folder = ServingFolder(_destination(PusherConfig(**exec_properties["pusher"]), model))
        facts, cards = file_facts(path, digest), _cards(input_dict)
        version = _same(folder, digest)
        if version is None:
            version = folder.push(path, facts, cards)
            _LOGGER.info("Pushed as version %d.", version)
        else:
            _LOGGER.info("Not pushed again: the model is version %d, the newest.", version)
        write_json(pushed.uri / FACTS, facts)
        for card in cards:
            shutil.copyfile(card, pushed.uri / card.name)
        shutil.copyfile(path, pushed.uri / MODEL)
        pushed.properties.update(
            pushed=1, pushed_destination=str(folder.path / str(version)), pushed_version=str(version)
        )


def _refusal(model: Artifact, digest: str, model_blessing: Artifact, infra_blessing: Artifact) -> str | None:
    """Why the model must not be pushed; None if it may."""
    if not model_blessing.properties.get("blessed"):
        return "the Evaluator has not blessed the model"
    if not infra_blessing.properties.get("blessed"):
        return "the InfraValidator has not blessed the file"
    if model_blessing.properties.get("current_model_id") != model.properties.get("fingerprint"):
        return "the Evaluator has blessed another model"
    if infra_blessing.properties.get("model_sha256") != digest:
        return "the InfraValidator has blessed another file"
    return None


def _cards(input_dict: dict[str, list[Artifact]]) -> list[Path]:
    """The model card, in both its forms, where the evaluation wrote one."""
    evaluations = input_dict.get("evaluation", [])
    return [path for one in evaluations for path in sorted(one.uri.glob("model_card.*"))]


def _destination(config: PusherConfig, model: Artifact) -> Path:
    if config.destination:
        return Path(config.destination).expanduser().absolute()
    # <root>/<component>/<output key>/<execution>
    return model.uri.resolve().parents[2] / DEFAULT_DESTINATION


def _same(folder: ServingFolder, digest: str) -> int | None:
    """The newest version, if it is this very file."""
    versions = folder.versions()
    if versions and file_sha256(folder.path / str(versions[-1]) / MODEL) == digest:
        return versions[-1]
    return None


def file_facts(path: Path, digest: str) -> dict[str, Any]:
    """Returns what `model.json` says: the file's own metadata, and how to know the file."""
    classifier = NoduleClassifier(path, providers=["CPUExecutionProvider"])
    return {
        "file": MODEL,
        "sha256": digest,
        "size_bytes": path.stat().st_size,
        "fingerprint": classifier.metadata.get("fingerprint"),
        "task": classifier.task,
        "threshold": classifier.threshold,
        "metadata": classifier.metadata,
        "pushed_by": f"lungnet {lungnet.__version__}",
    }
