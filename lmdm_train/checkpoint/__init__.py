"""Checkpoints: our own files, and the import of published ones."""

from __future__ import annotations

from lmdm_train.checkpoint.foreign import import_checkpoint
from lmdm_train.checkpoint.own import load_config, load_instrument, save_instrument
from lmdm_train.checkpoint.report import ImportReport

__all__ = ["ImportReport", "import_checkpoint", "load_config", "load_instrument", "save_instrument"]
