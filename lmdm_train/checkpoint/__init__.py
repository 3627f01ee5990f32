"""Checkpoints: our own files, and the import of published ones."""

from __future__ import annotations

from lmdm_train.checkpoint.own import load_config, load_instrument, save_instrument

__all__ = ["load_config", "load_instrument", "save_instrument"]
