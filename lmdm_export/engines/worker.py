"""The process that builds one graph: `python -m lmdm_export.engines.worker`, a job as one line of JSON on stdin.

Lines of JSON come back on stdout: `{"phase", "done"}` while it builds, then `{"result"}` or `{"failure"}`. Only here is a TensorRT package
imported, so whatever it does to its process, the builder lives on. The process ends when its stdin does, that is, with whoever started it.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import threading
import warnings
from pathlib import Path
from typing import Any, TextIO


def main() -> int:
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    # The libraries print to stdout as they like.
    os.dup2(2, 1)
    job = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    warnings.simplefilter("ignore", DeprecationWarning)
    answer: dict[str, Any]
    try:
        answer = {"result": build(job, answers)}
    except BuildFailure as failure:
        answer = {"failure": str(failure)}
    print(json.dumps(answer), file=answers)
    return 0 if "result" in answer else 1


class BuildFailure(Exception):
    """The package said why it cannot build the graph."""


def build(job: dict[str, Any], answers: TextIO) -> dict[str, Any]:
    """Parse `job["onnx"]`, build it for `job["target"]` (None: the GPU of this machine), and write `job["plan"]`."""
    trt = importlib.import_module(job["module"])
    logger = _logger(trt)
    builder = trt.Builder(logger)
    network, parser = parse(trt, builder, logger, job["onnx"])
    layers = [network.get_layer(index) for index in range(network.num_layers)]
    result: dict[str, Any] = {"layers": len(layers), "kinds": _kinds(layers)}
    if job.get("plan") is None:
        return result
    config = builder.create_builder_config()
    # Its default rounds the factors of float32 products to 10 bits.
    config.clear_flag(trt.BuilderFlag.TF32)
    config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED
    if job["target"] is not None:
        config.num_compute_capabilities = 1
        config.set_compute_capability(getattr(trt.ComputeCapability, f"SM{job['target'].replace('.', '')}"), 0)
    cache = _timing_cache(config, job["timing_cache"])
    config.progress_monitor = monitor = _monitor(trt, answers)
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        raise BuildFailure(logger.first_error or "no reason given")
    Path(job["plan"]).write_bytes(plan)
    if cache is not None:
        _write_atomically(Path(job["timing_cache"]), bytes(config.get_timing_cache().serialize()))
    del parser, monitor
    return result | {"tf32": config.get_flag(trt.BuilderFlag.TF32)}


def parse(trt: Any, builder: Any, logger: Any, path: str) -> tuple[Any, Any]:
    """The network of an ONNX file, whose types are those of the file; the parser must live as long as the network.

    Raises:
        BuildFailure: an operator that the package does not know.
    """
    # TensorRT 11 knows strongly typed networks only; where the flag is still there, it must be set.
    flag = getattr(trt.NetworkDefinitionCreationFlag, "STRONGLY_TYPED", None)
    network = builder.create_network(0 if flag is None else 1 << int(flag))
    parser = trt.OnnxParser(network, logger)
    if not parser.parse_from_file(path):
        reasons = [parser.get_error(index).desc() for index in range(parser.num_errors)]
        raise BuildFailure((reasons or [logger.first_error or "no reason given"])[0])
    return network, parser


def _logger(trt: Any) -> Any:
    class Logger(trt.ILogger):
        """Keeps the first error, which is the cause of those after it."""

        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self.first_error = ""

        def log(self, severity: Any, message: str) -> None:
            if severity <= trt.ILogger.Severity.ERROR:
                self.first_error = self.first_error or message
                print(message, file=sys.stderr)

    return Logger()


def _monitor(trt: Any, answers: TextIO) -> Any:
    class Monitor(trt.IProgressMonitor):
        """Passes on the steps of the outermost phase."""

        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)
            self.root, self.steps = "", 1

        def phase_start(self, name: str, parent: str | None, steps: int) -> None:
            if parent is None:
                self.root, self.steps = name, max(1, steps)

        def phase_finish(self, name: str) -> None:
            """Nothing waits for the end of a phase."""

        def step_complete(self, name: str, step: int) -> bool:
            if name == self.root:
                print(json.dumps({"phase": name, "done": (step + 1) / self.steps}), file=answers)
            return True

    return Monitor()


def _timing_cache(config: Any, path: str | None) -> Any:
    """What kernels took on this GPU in builds before; None where the package times nothing."""
    if path is None:
        return None
    file = Path(path)
    cache = config.create_timing_cache(file.read_bytes() if file.is_file() else b"")
    # It refuses a cache of another device or version, and begins anew.
    if not config.set_timing_cache(cache, False):
        cache = config.create_timing_cache(b"")
        config.set_timing_cache(cache, False)
    return cache


def _kinds(layers: list[Any]) -> dict[str, int]:
    counted: dict[str, int] = {}
    for layer in layers:
        counted[layer.type.name.lower()] = counted.get(layer.type.name.lower(), 0) + 1
    return dict(sorted(counted.items()))


def _write_atomically(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_bytes(content)
    os.replace(unfinished, path)


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    # A library that was unloaded while its threads ran has crashed a finished build before; nothing is left to clean up here.
    status = main()
    sys.stderr.flush()
    os._exit(status)
