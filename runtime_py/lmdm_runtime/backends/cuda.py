"""The few calls of the CUDA driver that a backend needs: memory, copies on one stream, and graphs captured from it.

Through ctypes on the driver itself, which is there wherever a GPU can be used, so that no package has to match its version. Names and
arguments are those of cuda.h (CUDA 12 and 13).
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from ctypes import POINTER, byref, c_char_p, c_int, c_size_t, c_ubyte, c_uint, c_uint64, c_void_p
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmdm_runtime.doctor.gpu import COMPUTE_CAPABILITY_MAJOR, COMPUTE_CAPABILITY_MINOR, DRIVER_LIBRARY
from lmdm_runtime.errors import RuntimeFault

NON_BLOCKING = 1  # CU_STREAM_NON_BLOCKING
THREAD_LOCAL = 1  # CU_STREAM_CAPTURE_MODE_THREAD_LOCAL: allocations of other threads do not break the capture
Pointer = c_uint64  # CUdeviceptr

SIGNATURES: dict[str, tuple[Any, ...]] = {
    "cuInit": (c_uint,),
    "cuDriverGetVersion": (POINTER(c_int),),
    "cuGetErrorString": (c_int, POINTER(c_char_p)),
    "cuDeviceGet": (POINTER(c_int), c_int),
    "cuDeviceGetName": (c_char_p, c_int, c_int),
    "cuDeviceGetAttribute": (POINTER(c_int), c_int, c_int),
    "cuDevicePrimaryCtxRetain": (POINTER(c_void_p), c_int),
    "cuCtxSetCurrent": (c_void_p,),
    "cuMemAlloc_v2": (POINTER(Pointer), c_size_t),
    "cuMemFree_v2": (Pointer,),
    "cuMemsetD8Async": (Pointer, c_ubyte, c_size_t, c_void_p),
    "cuMemcpyHtoDAsync_v2": (Pointer, c_void_p, c_size_t, c_void_p),
    "cuMemcpyDtoHAsync_v2": (c_void_p, Pointer, c_size_t, c_void_p),
    "cuMemcpyDtoDAsync_v2": (Pointer, Pointer, c_size_t, c_void_p),
    "cuStreamCreate": (POINTER(c_void_p), c_uint),
    "cuStreamSynchronize": (c_void_p,),
    "cuStreamBeginCapture_v2": (c_void_p, c_int),
    "cuStreamEndCapture": (c_void_p, POINTER(c_void_p)),
    "cuGraphInstantiateWithFlags": (POINTER(c_void_p), c_void_p, ctypes.c_ulonglong),
    "cuGraphLaunch": (c_void_p, c_void_p),
    "cuGraphExecDestroy": (c_void_p,),
    "cuGraphDestroy": (c_void_p,),
}


class Cuda:
    """One device, its primary context (the one that TensorRT uses too) and one stream on which everything happens in order.

    Attributes:
        stream: handle of the stream.
        target: compute capability, such as `8.9`.
        version: CUDA version of the driver, such as `13.1`.

    Raises:
        RuntimeFault: the driver refuses; ask `lmdm_runtime.doctor.gpu.driver` first whether there is one.
    """

    def __init__(self, device: int = 0, library: str = DRIVER_LIBRARY) -> None:
        self._library = ctypes.CDLL(library)
        for name, arguments in SIGNATURES.items():
            function = getattr(self._library, name)
            function.argtypes, function.restype = arguments, c_int
        handle, context, stream, number = c_int(), c_void_p(), c_void_p(), c_int()
        self._call("cuInit", 0)
        self._call("cuDriverGetVersion", byref(number))
        self.version = f"{number.value // 1000}.{number.value % 1000 // 10}"
        self._call("cuDeviceGet", byref(handle), device)
        called = ctypes.create_string_buffer(256)
        self._call("cuDeviceGetName", called, len(called), handle)
        self.device = called.value.decode()
        parts = []
        for attribute in (COMPUTE_CAPABILITY_MAJOR, COMPUTE_CAPABILITY_MINOR):
            self._call("cuDeviceGetAttribute", byref(number), attribute, handle)
            parts.append(number.value)
        self.target = ".".join(map(str, parts))
        self._call("cuDevicePrimaryCtxRetain", byref(context), handle)
        self._context = context
        self.use()
        self._call("cuStreamCreate", byref(stream), NON_BLOCKING)
        self.stream: int = stream.value or 0

    def use(self) -> None:
        """Makes the context that of the calling thread; every thread needs it once, and it costs nothing again."""
        self._call("cuCtxSetCurrent", self._context)

    def allocate(self, size: int) -> int:
        """Address of `size` bytes of zeros on the device."""
        pointer = Pointer()
        self.use()
        self._call("cuMemAlloc_v2", byref(pointer), max(size, 1))
        self._call("cuMemsetD8Async", pointer, 0, max(size, 1), self.stream)
        return pointer.value

    def free(self, address: int) -> None:
        self.use()
        self._call("cuMemFree_v2", address)

    def upload(self, values: NDArray, address: int) -> None:
        """Copies contiguous host values to the device; the driver has read them when this returns, as pageable memory is staged."""
        assert values.flags.c_contiguous
        self.use()
        self._call("cuMemcpyHtoDAsync_v2", address, values.ctypes.data, values.nbytes, self.stream)

    def download(self, address: int, values: NDArray) -> None:
        """Copies from the device into contiguous host memory, after everything that was launched before."""
        assert values.flags.c_contiguous
        self.use()
        self._call("cuMemcpyDtoHAsync_v2", values.ctypes.data, address, values.nbytes, self.stream)
        self.synchronise()

    def copy(self, source: int, target: int, size: int) -> None:
        """Launches a copy on the device."""
        self._call("cuMemcpyDtoDAsync_v2", target, source, size, self.stream)

    def synchronise(self) -> None:
        """Waits for everything that was launched."""
        self._call("cuStreamSynchronize", self.stream)

    def capture(self, launch: Callable[[], None]) -> CapturedGraph:
        """What `launch` puts on the stream, without running it, as a graph that can be launched any number of times."""
        graph, executable = c_void_p(), c_void_p()
        self.use()
        self._call("cuStreamBeginCapture_v2", self.stream, THREAD_LOCAL)
        try:
            launch()
        except BaseException:
            # A stream that is left capturing takes nothing else; the graph of an invalid capture is null.
            self._library.cuStreamEndCapture(self.stream, byref(graph))
            raise
        self._call("cuStreamEndCapture", self.stream, byref(graph))
        self._call("cuGraphInstantiateWithFlags", byref(executable), graph, 0)
        self._call("cuGraphDestroy", graph)
        return CapturedGraph(self, executable)

    def launch_graph(self, executable: c_void_p) -> None:
        self.use()
        self._call("cuGraphLaunch", executable, self.stream)

    def destroy_graph(self, executable: c_void_p) -> None:
        self._library.cuGraphExecDestroy(executable)

    def _call(self, name: str, *arguments: object) -> None:
        status = getattr(self._library, name)(*arguments)
        if status != 0:
            text = c_char_p()
            self._library.cuGetErrorString(status, byref(text))
            why = text.value.decode() if text.value else "unknown error"
            raise RuntimeFault(f"{name} of the CUDA driver returned {status} ({why}); run lmdm doctor")


class CapturedGraph:
    """An executable CUDA graph; freed with this object."""

    def __init__(self, cuda: Cuda, executable: c_void_p) -> None:
        self._cuda, self._executable = cuda, executable

    def launch(self) -> None:
        self._cuda.launch_graph(self._executable)

    def __del__(self) -> None:
        self._cuda.destroy_graph(self._executable)


class DeviceMemory:
    """Memory of one shape and type on the device; freed with this object."""

    def __init__(self, cuda: Cuda, shape: tuple[int, ...], dtype: str) -> None:
        self._cuda, self.shape, self.dtype = cuda, shape, np.dtype(dtype)
        self.size = int(np.prod(shape)) * self.dtype.itemsize
        self.address = cuda.allocate(self.size)

    def __del__(self) -> None:
        if hasattr(self, "address"):
            self._cuda.free(self.address)

    def write(self, values: NDArray) -> None:
        host = np.broadcast_to(np.asarray(values).astype(self.dtype, casting="same_kind"), self.shape)
        self._cuda.upload(np.ascontiguousarray(host), self.address)

    def read(self) -> NDArray:
        host = np.empty(self.shape, self.dtype)
        self._cuda.download(self.address, host)
        return host
