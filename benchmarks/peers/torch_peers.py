"""torch itself: without a cache (Algorithm 1), cached and eager (Algorithms 2 and 3), and its compiler on the cached step."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import torch
from torch import Tensor

from benchmarks.job import GRAPHS, Job, swapped
from benchmarks.moment import Moment
from benchmarks.peers.base import Arrays, Stage, Unavailable, no_swap, stacked
from benchmarks.prepare import scenario_of
from lmdm_runtime.bundle import load_bundle
from lmdm_train.rollout import Rollout, cached_blocks, outpainting


class TorchPeer:
    """What the torch peers share: the instrument, its moment, and rollouts of it."""

    def __init__(self, job: Job) -> None:
        torch.set_num_threads(job.threads)
        self.job = job
        truth = job.source.truth(job.bundle)
        self.reference, self.config = truth.reference, truth.instrument.config
        self.moment = Moment(truth.instrument, load_bundle(job.bundle).manifest)

    def _rollout(self) -> Rollout:
        return self.reference.rollout(scenario_of(self.config, self.job.blocks, self.job.seed), torch.float32)

    def _block(self, algorithm: Callable[[Rollout], Iterator[Tensor]], count: int) -> Stage:
        """Whole blocks; parity is taken over the first `count`."""
        endless = algorithm(self._rollout())
        return Stage(
            lambda: next(endless),
            no_swap(lambda: stacked([block[0].numpy() for block in islice(algorithm(self._rollout()), count)])),
        )

    def _graph(self, stage: str, module: Callable[..., Any] | None = None) -> Stage:
        """The torch module of the stage's graph on the job's inputs."""
        spec = self.moment.graphs[GRAPHS[stage]]
        module = spec.module if module is None else module

        @torch.no_grad()
        def made(arrays: Arrays) -> Any:
            return module(*(torch.from_numpy(arrays[name]) for name in spec.inputs))

        given = self.job.inputs(stage)
        tensors = [torch.from_numpy(given[name]) for name in spec.inputs]

        @torch.no_grad()
        def run() -> object:
            return module(*tensors)

        def outputs(swap: bool) -> Arrays | None:
            if swap and stage != "step":
                return None
            found = made(swapped(given) if swap else given)
            return {n: v.numpy() for n, v in zip(spec.outputs, found if isinstance(found, tuple) else (found,), strict=True)}

        return Stage(run, outputs)


class MaskedPeer(TorchPeer):
    """Algorithm 1."""

    def stages(self) -> dict[str, Stage]:
        step = self.moment.masked_step()
        # A block-causal cache remembers frames that have left the window; a forward over the window cannot.
        same = 1 if self.config.pattern.kind == "block-causal" else self.job.blocks
        return {"step": Stage(step, no_swap(lambda: {"velocity": step().numpy()})), "block": self._block(outpainting, same)}


class CachedPeer(TorchPeer):
    """Algorithms 2 and 3, eager."""

    def stages(self) -> dict[str, Stage]:
        return {stage: self._graph(stage) for stage in GRAPHS} | {"block": self._block(cached_blocks, self.job.blocks)}


class CompiledPeer(TorchPeer):
    """torch.compile with its default backend, on the cached step."""

    def __init__(self, job: Job) -> None:
        compiler = os.environ.get("CXX", "g++")
        if shutil.which(compiler) is None:
            raise Unavailable(f"torch.compile needs a C++ compiler, and there is no {compiler}; install g++ or set CXX")
        # One process compiles: workers would outlive a failure.
        os.environ["TORCHINDUCTOR_COMPILE_THREADS"] = "1"
        super().__init__(job)

    def stages(self) -> dict[str, Stage]:
        compiled = torch.compile(self.moment.graphs[GRAPHS["step"]].module, dynamic=False)
        return {"step": self._graph("step", compiled)}
