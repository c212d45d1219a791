"""What stands behind the routes: the model of the moment, its queue, and its answers."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import lungnet
from lungnet.cores import usable_cores
from lungnet.serving.providers import CPU
from lungnet.serving.server.batching import Batcher
from lungnet.serving.server.bodies import HeldBytes, read_body
from lungnet.serving.server.freed_memory import give_back_freed_memory
from lungnet.serving.server.infer_protocol import (
    HEADER_LENGTH,
    InferRequest,
    decompress,
    json_bytes,
    read_request,
)
from lungnet.serving.server.infer_replies import Replies
from lungnet.serving.server.json_logs import flush_logs
from lungnet.serving.server.limits import ServerLimits
from lungnet.serving.server.model_store import ModelStore, ServedModel
from lungnet.serving.server.observing import Metrics, Receive, Scope
from lungnet.serving.server.refusal import Headers, Refusal
from lungnet.serving.server.shared_metrics import SharedMetrics

logger = logging.getLogger(__name__)

#: The model's name in the protocol.
MODEL_NAME = "classifier"
_HEADER_LENGTH = HEADER_LENGTH.lower().encode()
#: Deflate makes at most as many bytes of one.
_DEFLATE_RATIO = 1032
#: Longer bodies are unpacked beside the event loop.
LONG_BODY = 64 * 2**10


class Service:
    """Answers for one event loop.

    Args:
        open_store: makes the store; it is given what is to be called after a reload.
        limits: of the server.
        threads: batches that run side by side on a CPU, each on one core; None for one per core.
        in_loop: run small batches on a CPU in the event loop; best where other processes answer beside this
            one, one for each core.
        shared: metrics of those processes.

    Attributes:
        limits: as given.
        metrics: of the server.
    """

    def __init__(
        self,
        open_store: Callable[[Callable[[bool], None]], ModelStore],
        limits: ServerLimits,
        threads: int | None = None,
        in_loop: bool = False,
        shared: SharedMetrics | None = None,
    ) -> None:
        self.limits = limits
        self.metrics = Metrics(lambda: self._served[1].waiting, lambda: int(self._model.version), shared)
        self._store = open_store(self.metrics.reloaded)
        self._bodies = HeldBytes(limits)
        self._threads, self._in_loop = threads or usable_cores(), in_loop
        self._executor = ThreadPoolExecutor(self._threads, "model")
        self._take_newest()

    @contextlib.asynccontextmanager
    async def running(self, reload_seconds: float) -> AsyncIterator[None]:
        """Looks for newer versions every so often, until the server ends."""
        tasks = [asyncio.create_task(work) for work in (self._watch(reload_seconds), self.metrics.publish())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
            self._executor.shutdown()
            self.metrics.log_answered()
            flush_logs()

    async def infer(
        self, scope: Scope, receive: Receive, name: str, version: str | None
    ) -> tuple[bytes, Headers]:
        """Returns body and headers of the reply to an inference request.

        Raises:
            Refusal: the model is another, the request is not one, or there is no room or time for it.
        """
        self.require(name, version)
        headers = dict(scope["headers"])
        with self._bodies.share() as share:
            body = await read_body(headers, receive, self.limits, share)
            encoding = headers.get(b"content-encoding", b"").decode("latin-1").strip().lower()
            if encoding:
                share.take(min(_DEFLATE_RATIO * len(body), self.limits.max_decompressed_bytes))
            arguments = (body, encoding, headers.get(_HEADER_LENGTH))
            if encoding or len(body) > LONG_BODY:
                asked = await asyncio.to_thread(self._read, *arguments)
            else:
                asked = self._read(*arguments)
            # A request stays with the model that took it, also when a newer one comes in the meantime.
            served, batcher = self.now()
            if version not in (None, served):
                raise _no_version(version)
            scope["state"]["told"] = {"patches": len(asked.patches_hu), "version": served}
            prediction = await batcher.submit(asked.patches_hu)
            return Replies(prediction, MODEL_NAME, served).write(asked, 0, len(asked.patches_hu))

    def now(self) -> tuple[str, Batcher]:
        """Returns the version that is served, and its queue."""
        if self._store.current is not self._model:
            self._take_newest()
        return self._served

    def server_metadata(self) -> dict[str, Any]:
        """Returns what the server is."""
        return {
            "name": "lungnet",
            "version": lungnet.__version__,
            "extensions": ["binary_tensor_data"],
        }

    def model_metadata(self, name: str, version: str | None) -> dict[str, Any]:
        """Returns what the model is, its own properties as parameters.

        Raises:
            Refusal: the model is another.
        """
        model = self.require(name, version)
        return {
            "name": MODEL_NAME,
            "versions": [model.version],
            "platform": "onnxruntime_onnx",
            "inputs": [{"name": "patches_hu", "datatype": "INT16", "shape": [-1, 40, 40]}],
            "outputs": [
                {"name": "probability", "datatype": "FP32", "shape": [-1]},
                {"name": "cluster", "datatype": "INT64", "shape": [-1]},
            ],
            "parameters": dict(model.classifier.metadata),
        }

    def require(self, name: str, version: str | None) -> ServedModel:
        """Returns the model that is served.

        Raises:
            Refusal: it has another name or version (404).
        """
        self.now()
        model = self._model
        if name != MODEL_NAME:
            raise Refusal(404, f"There is no such model; the one that is served is {MODEL_NAME}.", "unknown")
        if version not in (None, model.version):
            raise _no_version(version)
        return model

    def _read(self, body: bytes, encoding: str, header_length: bytes | None) -> InferRequest:
        plain = decompress(body, encoding, self.limits)
        return read_request(plain, json_bytes(header_length, len(plain)), self.limits)

    def _take_newest(self) -> None:
        model = self._store.current
        self._model, self._served = model, (model.version, self._batcher_for(model))

    def _batcher_for(self, model: ServedModel) -> Batcher:
        classifier = model.classifier
        on_cpu = classifier.providers == [CPU]
        return Batcher(
            classifier.predict_with_clusters,
            self._executor,
            self.limits,
            self.metrics.batch.observe,
            side_by_side=self._threads if on_cpu else 1,
            in_loop=on_cpu and self._in_loop,
        )

    async def _watch(self, seconds: float) -> None:
        replaced = False
        while True:
            await asyncio.sleep(seconds)
            if replaced:  # by now nothing runs on the model before
                await asyncio.to_thread(give_back_freed_memory)
            replaced = await self._reload()

    async def _reload(self) -> bool:
        """Looks for a newer version once; returns whether it is now served."""
        try:
            if not await asyncio.to_thread(self._store.refresh):
                return False
        except OSError as error:
            logger.warning("Cannot look for versions: %s", error.strerror or error)
            return False
        self.now()  # lets go of the model before
        logger.info("reloaded", extra={"told": {"version": self._store.current.version}})
        return True


def _no_version(version: str | None) -> Refusal:
    return Refusal(404, "There is no such version; the newest one is served.", "unknown")
