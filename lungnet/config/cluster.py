"""Which machines train together: `TF_CONFIG`, as users of TensorFlow know it."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from lungnet.errors import InputError

VARIABLE = "TF_CONFIG"
_EXAMPLE = (
    '{"cluster": {"worker": ["host1:2222", "host2:2222"]}, "task": {"type": "worker", "index": 0}} on host1'
)


@dataclass(frozen=True)
class Cluster:
    """The workers of a training, and which of them this process is.

    Attributes:
        workers: `host:port` of each, the chief first.
        index: of this process among them.
    """

    workers: tuple[str, ...]
    index: int

    @property
    def is_chief(self) -> bool:
        """Whether this process keeps what the training makes: task "chief", or worker 0 where none is."""
        return self.index == 0

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Reads `TF_CONFIG`.

        Raises:
            InputError: it is not set, not JSON, names no workers, or a task that is none of them.

        Example:
            >>> task = '"task": {"type": "worker", "index": 1}'
            >>> Cluster.from_environment({"TF_CONFIG": '{"cluster": {"worker": ["a:1", "b:1"]}, %s}' % task})
            Cluster(workers=('a:1', 'b:1'), index=1)
        """
        text = environment.get(VARIABLE, "")
        if not text.strip():
            raise _refusal("it is not set")
        try:
            values = json.loads(text)
        except json.JSONDecodeError as error:
            raise _refusal(f"it is not JSON ({error})") from None
        jobs, task = (_mapping(values, key) for key in ("cluster", "task"))
        unknown = sorted(set(jobs) - {"chief", "worker"})
        if unknown:
            raise _refusal(f"its cluster has the job {unknown[0]!r}; only chief and worker train")
        addresses = {job: _addresses(job, jobs.get(job, [])) for job in ("chief", "worker")}
        if len(addresses["chief"]) > 1:
            raise _refusal("its cluster has more than one chief")
        workers = addresses["chief"] + addresses["worker"]
        if not workers:
            raise _refusal("its cluster names no worker")
        if len(set(workers)) < len(workers):
            raise _refusal("its cluster names one address twice")
        kind, index = task.get("type"), task.get("index")
        if kind not in ("chief", "worker"):
            raise _refusal(f"its task has the type {kind!r}; only chief and worker train")
        if isinstance(index, str) and index.isdigit():  # TensorFlow takes both
            index = int(index)
        if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < len(addresses[kind]):
            raise _refusal(f"its task is {kind} {index!r}, of which the cluster has {len(addresses[kind])}")
        return cls(workers, index if kind == "chief" else len(addresses["chief"]) + index)


def _mapping(values: Any, key: str) -> dict[str, Any]:
    value = values.get(key) if isinstance(values, dict) else None
    if not isinstance(value, dict):
        raise _refusal(f"it has no object {key!r}")
    return value


def _addresses(job: str, values: Any) -> tuple[str, ...]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise _refusal(f"the cluster's {job} must be a list of addresses")
    for value in values:
        host, _, port = value.rpartition(":")
        if not host or not port.isdigit() or not 0 < int(port) < 2**16:
            raise _refusal(f"the cluster's {job} has {value!r}, which is not host:port")
    return tuple(values)


def _refusal(what: str) -> InputError:
    return InputError(
        f"Training with several workers takes them from the variable {VARIABLE}, and {what}; "
        f"expected {_EXAMPLE}."
    )
