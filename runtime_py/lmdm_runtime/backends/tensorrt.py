"""TensorRT and TensorRT-RTX: engines of the bundle on an NVIDIA GPU, with every buffer on the device.

Neither package is imported before the driver has answered: without one their runtime crashes the process.
"""

from __future__ import annotations

import importlib
import logging
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from lmdm_runtime.backends.base import Binding, Buffer
from lmdm_runtime.backends.cuda import CapturedGraph, Cuda, DeviceMemory
from lmdm_runtime.backends.ports import bound_buffers, first_line, require_same_ports
from lmdm_runtime.backends.recording import RecordingBackend
from lmdm_runtime.bundle import Bundle
from lmdm_runtime.doctor.gpu import driver
from lmdm_runtime.engines.key import engine_key
from lmdm_runtime.engines.packages import PACKAGES, package_version
from lmdm_runtime.engines.solver_step import SOLVER_STEP, solver_step_entry
from lmdm_runtime.engines.store import EngineError, build_command, find_engines
from lmdm_runtime.errors import LmdmError, RuntimeFault
from lmdm_runtime.manifest import GraphEntry, Port

logger = logging.getLogger(__name__)
NUMPY_TYPES = {"FLOAT": "float32", "HALF": "float16", "INT64": "int64", "INT32": "int32", "BOOL": "bool"}


class DeviceBuffer(Buffer):
    """A port's values on the device."""

    def __init__(self, cuda: Cuda, port: Port) -> None:
        self.port, self._memory = port, DeviceMemory(cuda, port.shape, port.dtype)
        self.size = self._memory.size

    @property
    def address(self) -> int:
        return self._memory.address

    def write(self, values: NDArray) -> None:
        self._memory.write(values)

    def read(self) -> NDArray:
        return self._memory.read()


class Launch(Binding):
    """Something that goes on the stream without waiting for it."""

    def __init__(self, cuda: Cuda) -> None:
        self._cuda = cuda

    @abstractmethod
    def launch(self) -> None:
        """Puts it on the stream."""

    def run(self) -> None:
        self._cuda.use()
        self.launch()
        self._cuda.synchronise()


class EngineLaunch(Launch):
    """One execution context of one engine, with the address of a buffer at every port."""

    def __init__(self, cuda: Cuda, graph: str, context: Any, buffers: Mapping[str, DeviceBuffer]) -> None:
        super().__init__(cuda)
        # Held here too: the context keeps addresses, not memory.
        self.graph, self.buffers, self._context = graph, buffers, context
        for name, buffer in buffers.items():
            if not context.set_tensor_address(name, buffer.address):
                raise RuntimeFault(f"the engine of graph {graph} takes no buffer at {name}; run lmdm build with --force")

    def launch(self) -> None:
        if not self._context.execute_async_v3(self._cuda.stream):
            raise RuntimeFault(f"graph {self.graph} failed in TensorRT; run lmdm build with --force, then lmdm validate with --engine")


class CopyLaunch(Launch):
    """A copy from buffer to buffer."""

    def __init__(self, cuda: Cuda, source: DeviceBuffer, target: DeviceBuffer) -> None:
        super().__init__(cuda)
        self._source, self._target = source, target

    def launch(self) -> None:
        self._cuda.copy(self._source.address, self._target.address, self._target.size)


class LaunchesInTurn(Launch):
    """Many launches on the stream, and one wait at the end."""

    def __init__(self, cuda: Cuda, launches: Sequence[Launch]) -> None:
        super().__init__(cuda)
        self._launches = tuple(launches)

    def launch(self) -> None:
        for launch in self._launches:
            launch.launch()


class GraphLaunch(Launch):
    """Many launches as one CUDA graph; `parts` keeps alive what it points to."""

    def __init__(self, cuda: Cuda, graph: CapturedGraph, parts: Launch) -> None:
        super().__init__(cuda)
        self._graph, self._parts = graph, parts

    def launch(self) -> None:
        self._graph.launch()


class TensorRtBackend(RecordingBackend):
    """Engines of one package on one GPU; a plan is read and checked when its graph is first bound.

    Args:
        cuda: the device; None asks the driver for the first one.
        library: the package's module; None imports it.
        capture: record blocks as CUDA graphs; without it the same launches go on the stream one by one.

    Raises:
        LmdmError: no driver, no GPU, or the package is not installed.
        EngineError: the bundle has no engines for this GPU, package and driver.
    """

    name = "tensorrt"

    def __init__(self, bundle: Bundle, *, cuda: Cuda | None = None, library: Any = None, capture: bool = True) -> None:
        package = PACKAGES[self.name]
        version = package_version(package) if library is None else library.__version__
        if cuda is None:
            found = driver()
            if found.reason is not None or not found.devices:
                raise LmdmError(
                    f"engine {self.name} runs on an NVIDIA GPU and there is none here ({found.reason or 'the driver has no device'}); "
                    "use --engine onnxruntime"
                )
            cuda = Cuda()
        self.bundle, self._cuda, self._capture = bundle, cuda, capture
        self.folder = find_engines(bundle, engine_key(bundle, package, version, cuda.target, cuda.version))
        library = importlib.import_module(package.module) if library is None else library
        self._logger = library.Logger(library.Logger.ERROR)
        self._runtime = library.Runtime(self._logger)
        self._input = library.TensorIOMode.INPUT
        self._engines: dict[str, Any] = {}

    @classmethod
    def open(cls, bundle: Bundle, threads: int | None) -> TensorRtBackend:
        """See `lmdm_runtime.backends.make_backend`; a GPU has no threads to choose."""
        return cls(bundle)

    def buffer(self, port: Port) -> DeviceBuffer:
        return DeviceBuffer(self._cuda, port)

    def bind(self, graph: str, buffers: Mapping[str, Buffer]) -> EngineLaunch:
        entry = self._entry(graph)
        ports = bound_buffers(entry, (*entry.inputs, *entry.outputs), buffers, DeviceBuffer)
        if graph not in self._engines:
            self._engines[graph] = self._load(entry)
        context = self._engines[graph].create_execution_context()
        if context is None:
            raise RuntimeFault(f"graph {graph} has no room on the GPU; close other programs that use it")
        return EngineLaunch(self._cuda, graph, context, ports)

    def copy(self, source: Buffer, target: Buffer) -> CopyLaunch:
        assert isinstance(source, DeviceBuffer)
        assert isinstance(target, DeviceBuffer)
        assert (source.port.shape, source.port.dtype) == (target.port.shape, target.port.dtype)
        return CopyLaunch(self._cuda, source, target)

    def record(self, launches: Sequence[Binding]) -> Launch:
        parts = LaunchesInTurn(self._cuda, [launch for launch in launches if isinstance(launch, Launch)])
        assert len(parts._launches) == len(launches)
        if not self._capture:
            return parts
        # TensorRT allocates and compiles in the first run, which no capture may hold.
        parts.run()
        try:
            return GraphLaunch(self._cuda, self._cuda.capture(parts.launch), parts)
        except RuntimeFault as reason:
            logger.warning("the block cannot be captured as one CUDA graph (%s); its graphs are launched one by one", first_line(reason))
            return parts

    def _entry(self, graph: str) -> GraphEntry:
        return solver_step_entry(self.bundle.manifest) if graph == SOLVER_STEP else self.bundle.manifest.graphs[graph]

    def _load(self, entry: GraphEntry) -> Any:
        self._cuda.use()
        engine = self._runtime.deserialize_cuda_engine(self.folder.plan(entry.name))
        if engine is None:
            raise EngineError(
                f"{self.folder.path}/{entry.name}.plan does not load in {self.folder.record.key.package} "
                f"{self.folder.record.key.version}; run: {build_command(self.bundle, self.folder.record.key, force=True)}"
            )
        sides: dict[bool, dict[str, tuple[list[int], str]]] = {True: {}, False: {}}
        for index in range(engine.num_io_tensors):
            name = engine.get_tensor_name(index)
            kind = engine.get_tensor_dtype(name).name
            sides[engine.get_tensor_mode(name) == self._input][name] = (list(engine.get_tensor_shape(name)), NUMPY_TYPES.get(kind, kind))
        require_same_ports(entry, "input", entry.inputs, sides[True])
        require_same_ports(entry, "output", entry.outputs, sides[False])
        return engine


class TensorRtRtxBackend(TensorRtBackend):
    """Engines of tensorrt-rtx, which are built ahead of time and finished by its compiler when they are first run."""

    name = "tensorrt-rtx"
