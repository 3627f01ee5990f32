"""stable-audio-tools' own `DiffusionTransformer` on the same weights: the network that the cache was made to spare."""

from __future__ import annotations

import importlib
import sys
import types
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.job import Job
from benchmarks.peers.base import Stage, Unavailable, no_swap
from benchmarks.peers.torch_peers import TorchPeer

PACKAGE = "stable_audio_tools"
TIME_FEATURES = 256
# It has no input for a clean context; the fork that LMDM comes from adds that.
WITHOUT = ("to_input_add_embed.weight",)


class StableAudioToolsPeer(TorchPeer):
    """A forward over the whole window, bidirectional and without the additive input: the answer of our network under the same conditions.

    Args:
        path: the folder of `pip install --no-deps --target PATH stable-audio-tools einops`.
    """

    def __init__(self, job: Job, path: str) -> None:
        network = network_class(Path(path))
        super().__init__(job)
        config, ours = self.config.dit, self.moment.instrument.dit
        if config.time_features != TIME_FEATURES:
            raise Unavailable(
                f"{PACKAGE} has {TIME_FEATURES} time features whatever the configuration says, this network {config.time_features}"
            )
        self.network = network(
            io_channels=config.latent_channels,
            embed_dim=config.width,
            depth=config.depth,
            num_heads=config.heads,
            cond_token_dim=config.text_width,
            global_cond_dim=config.global_width,
            diffusion_objective="rectified_flow",
            attn_kwargs={"qk_norm": "ln"},
            ff_kwargs={"mult": config.ff_mult},
        )
        weights = {name: value for name, value in ours.state_dict().items() if name not in WITHOUT}
        lacking, unknown = self.network.load_state_dict(weights, strict=False)
        # Its layer norms have a beta of zero that is no parameter.
        lacking = [name for name in lacking if not name.endswith("beta")]
        if lacking or unknown:
            raise Unavailable(f"{PACKAGE} names weights otherwise: {', '.join((lacking + unknown)[:3])}")
        self.network.eval().requires_grad_(False)

    def stages(self) -> dict[str, Stage]:
        (window, t), (cross, global_cond) = self.moment.window, self.moment.tokens

        @torch.no_grad()
        def step() -> Tensor:
            made: Tensor = self.network(window, t, cross_attn_cond=cross, global_embed=global_cond)
            return made

        return {"plain step": Stage(step, no_swap(lambda: {"velocity": step().numpy()}))}


def network_class(path: Path) -> Any:
    """`DiffusionTransformer`, without the rest of the package, which imports what playing a network does not need.

    Raises:
        Unavailable: it is not in `path`, or does not import.
    """
    folder = path / PACKAGE
    if not (folder / "models" / "dit.py").is_file():
        raise Unavailable(f"{folder} has no models/dit.py; run: pip install --no-deps --target {path} stable-audio-tools einops")
    sys.path.append(str(path))
    for name, place in ((PACKAGE, folder), (f"{PACKAGE}.models", folder / "models")):
        package = types.ModuleType(name)
        package.__path__ = [str(place)]
        sys.modules[name] = package
    try:
        return importlib.import_module(f"{PACKAGE}.models.dit").DiffusionTransformer
    except (ImportError, AttributeError) as error:
        raise Unavailable(f"{PACKAGE} does not import here: {error}") from error
