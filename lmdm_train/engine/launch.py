"""Starts the processes of a run through Lightning Fabric."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.precision.amp import MixedPrecision

from lmdm_train.engine.settings import RunSettings
from lmdm_train.errors import LmdmTrainError


@contextmanager
def launched(settings: RunSettings) -> Iterator[Fabric]:
    """Context of `launch`, at whose end this process leaves its group.

    A thread of gloo may still hold a tensor of the last exchange; were it to let go of it while Python shuts down, the process
    would abort after all its work is done. Leaving ends these threads and waits for no other process: those that still exchange
    something fail. NCCL does wait for the others, so a process that fails leaves it to Fabric, at exit, once the failure is told.
    """
    fabric = launch(settings)
    ended = False
    try:
        yield fabric
        ended = True
    finally:
        if fabric.world_size > 1 and (ended or torch.distributed.get_backend() == "gloo"):
            torch.distributed.destroy_process_group()


def launch(settings: RunSettings) -> Fabric:
    """A Fabric whose processes run: this one alone, `devices` on this machine, or those that torchrun has started.

    Under torchrun its numbers of processes and machines win over the settings'.

    Raises:
        LmdmTrainError: the accelerator or the number of devices is not there.
    """
    devices, nodes = settings.devices, settings.nodes
    if "TORCHELASTIC_RUN_ID" in os.environ:
        devices = int(os.environ["LOCAL_WORLD_SIZE"])
        nodes = int(os.environ["WORLD_SIZE"]) // devices
    if settings.accelerator == "cuda" and torch.cuda.device_count() < devices:
        raise LmdmTrainError(
            f"run.devices asks for {devices} CUDA devices, found {torch.cuda.device_count()}; lower it or set run.accelerator to cpu"
        )
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    strategy = "ddp" if devices * nodes > 1 else "auto"
    accelerator = "cpu" if settings.accelerator == "auto" and not torch.cuda.is_available() else settings.accelerator
    # Given by name, Fabric would silently take bf16 in place of fp16 on a CPU.
    half = settings.precision == "16-mixed" and accelerator == "cpu"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about processors that are there and not used
        fabric = Fabric(
            accelerator=accelerator,
            devices=devices,
            num_nodes=nodes,
            precision=None if half else settings.precision,
            plugins=MixedPrecision("16-mixed", "cpu") if half else None,
            strategy=strategy,
        )
        fabric.launch()
    return fabric
