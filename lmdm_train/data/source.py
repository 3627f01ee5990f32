"""Opens encoded music for an instrument, whichever way it is stored."""

from __future__ import annotations

from lmdm_train.codec.base import Codec
from lmdm_train.config import InstrumentConfig
from lmdm_train.data.crops import CropSource
from lmdm_train.data.folder import FolderSource
from lmdm_train.data.settings import DataSettings, Needs
from lmdm_train.data.shards import ShardSource
from lmdm_train.errors import LmdmTrainError


def open_source(settings: DataSettings, config: InstrumentConfig, codec: Codec | None = None) -> CropSource:
    """A source of crops that have all that the controls of `config` need, from shards where there are any, else from a folder.

    Args:
        codec: refuse frames that another codec made.

    Raises:
        LmdmTrainError: there is nothing that fits.
    """
    if not settings.path.is_dir():
        raise LmdmTrainError(f"there is no folder {settings.path}; make it with: lmdm data encode")
    kind = ShardSource if any(settings.path.glob("*.tar")) else FolderSource
    return kind(settings, Needs.of(config, codec))
