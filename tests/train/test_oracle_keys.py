"""Full-size state dicts of published models: every name and shape has its place, without any memory for the weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from lmdm_train.checkpoint.foreign import arrange
from lmdm_train.checkpoint.report import ImportReport
from lmdm_train.checkpoint.source import PARTS, Source
from lmdm_train.checkpoint.stable_audio import dit_config, oobleck_config
from lmdm_train.codec import build_codec
from lmdm_train.model.dit import DiT
from lmdm_train.model.instrument import Instrument
from lmdm_train.model.seconds import SecondsEmbedder
from lmdm_train.presets import PRESETS
from tests.oracle_cases import CASES, Case, key_lists


def listed(case: Case, prefix: str = "") -> dict[str, Tensor]:
    """The listed tensors on the meta device."""
    return {
        prefix + key: torch.empty(entry["shape"], dtype=getattr(torch, entry["dtype"]), device="meta")
        for key, entry in case.json["tensors"].items()
    }


def module(case: Case) -> nn.Module:
    """Our module for the list, on the meta device."""
    prefix = case.json["prefix_in_a_whole_model"]
    with torch.device("meta"):
        if prefix == "model.model.":
            return DiT(dit_config(case.config))
        if prefix == "pretransform.model.":
            shared = {key: case.config[key] for key in ("channels", "c_mults", "strides", "use_snake")}
            return build_codec(oobleck_config({**shared, **case.config["encoder"]}, {**shared, **case.config["decoder"]}))
        assert prefix == "conditioner.conditioners.seconds_total."
        width, features = case.json["tensors"]["embedder.embedding.1.weight"]["shape"]
        return SecondsEmbedder(width, 0, 256, features - 1)


def shapes(tensors: dict[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {key: tuple(value.shape) for key, value in tensors.items()}


@pytest.mark.parametrize("case", key_lists())
@pytest.mark.parametrize("wrapper", ["", "diffusion."], ids=["unwrapped", "lightning"])
def test_oracle_keys(case: Case, wrapper: str) -> None:
    prefix = case.json["prefix_in_a_whole_model"]
    report = ImportReport(case.name)
    tensors = listed(case, wrapper + prefix)
    arranged = arrange(Source(Path(case.name), tensors, None), report)

    expected = {PARTS[prefix] + key: value for key, value in module(case).state_dict().items()}
    assert shapes(arranged) == shapes(expected)
    assert set(report.used) == set(tensors)
    assert set(report.used.values()) == set(expected)
    assert not report.left_out
    print(f"{len(tensors)} keys, {sum(value.numel() for value in expected.values()):,} values")


@pytest.mark.parametrize("case", key_lists())
def test_oracle_keys_controls(case: Case) -> None:
    """One key fewer, one more, and one of another shape all show."""
    prefix = case.json["prefix_in_a_whole_model"]
    expected = shapes({PARTS[prefix] + key: value for key, value in module(case).state_dict().items()})

    def arranged(tensors: dict[str, Tensor]) -> dict[str, tuple[int, ...]]:
        return shapes(arrange(Source(Path(case.name), tensors, None), ImportReport(case.name)))

    whole = listed(case, prefix)
    last = list(whole)[-1]
    assert arranged({key: value for key, value in whole.items() if key != last}) != expected
    assert arranged({**whole, f"{prefix}surprise": whole[last]}) != expected
    assert arranged({**whole, last: torch.empty(*whole[last].shape, 2, device="meta")}) != expected


def _by_prefix(prefix: str) -> list[Case]:
    return [case for case in CASES if case.json.get("prefix_in_a_whole_model") == prefix]


@pytest.mark.parametrize("case", key_lists())
def test_oracle_keys_fit_a_preset(case: Case) -> None:
    """A network's list, with codec and seconds beside it, is exactly the state dict of one of our presets."""
    others = [_by_prefix(prefix) for prefix in ("pretransform.model.", "conditioner.conditioners.seconds_total.")]
    if case.json["prefix_in_a_whole_model"] != "model.model." or not all(others):
        pytest.skip("this list is no network, or the folder lacks the codec's or the seconds embedder's list")
    tensors = listed(case, "model.model.")
    for other in (cases[0] for cases in others):
        tensors |= listed(other, other.json["prefix_in_a_whole_model"])
    arranged = shapes(arrange(Source(Path(case.name), tensors, None), ImportReport(case.name)))
    wanted = dit_config(case.config)
    fitting = [config for config in PRESETS.values() if config.dit.model_copy(update={"rotary_base": wanted.rotary_base}) == wanted]
    if not fitting:
        pytest.skip("no preset has this network")
    for config in fitting:
        with torch.device("meta"):
            assert arranged == shapes(Instrument(config).state_dict()), config.name
    print(f"fits {', '.join(config.name for config in fitting)}")
