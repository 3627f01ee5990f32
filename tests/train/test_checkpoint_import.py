"""Import of published and trained checkpoints: every way in which they are wrapped, and every key accounted for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from lmdm_train.checkpoint import ImportReport, import_checkpoint
from lmdm_train.config import InstrumentConfig
from lmdm_train.errors import CheckpointError
from lmdm_train.model.instrument import Instrument
from tests.foreign_checkpoints import (
    base_config,
    foreign_config,
    foreign_instrument,
    lightning,
    model_config,
    moving_average,
    split_self_attention,
    unwrapped,
)


def write(folder: Path, content: dict[str, Any], name: str = "model.ckpt") -> Path:
    path = folder / name
    if name.endswith(".safetensors"):
        save_file(content, path)
    else:
        torch.save(content, path)
    return path


def same(one: Instrument, other: Instrument) -> bool:
    first, second = one.state_dict(), other.state_dict()
    return first.keys() == second.keys() and all(torch.equal(value, second[key]) for key, value in first.items())


def accounted(report: ImportReport, keys: set[str]) -> bool:
    left_out = {key for keys_of_reason in report.left_out.values() for key in keys_of_reason}
    return not set(report.used) & left_out and keys == (set(report.used) | left_out) & keys


@pytest.mark.parametrize("name", ["model.safetensors", "model.ckpt", "model.pt"])
def test_unwrapped(tmp_path: Path, name: str) -> None:
    made = foreign_instrument()
    state = unwrapped(made)
    content: dict[str, Any] = {"state_dict": state} if name == "model.ckpt" else state
    imported, report = import_checkpoint(write(tmp_path, content, name), foreign_config())
    assert same(imported, made)
    assert set(report.used) == set(state)
    assert not report.left_out
    assert not imported.training


def test_lightning_names_everything_that_it_leaves_out(tmp_path: Path) -> None:
    made = foreign_instrument()
    content = lightning(split_self_attention(unwrapped(made)))
    imported, report = import_checkpoint(write(tmp_path, content), foreign_config())
    assert same(imported, made)
    assert accounted(report, set(content["state_dict"]))
    text = "\n".join(report.lines())
    for word in ("losses.losses.0.weight", "t_schedule", "discriminator of training", "teacher", "optimizer_states", "fused again"):
        assert word in text


def test_compiled_and_bare_network(tmp_path: Path) -> None:
    made = foreign_instrument()
    state = unwrapped(made)
    compiled = {key.replace("model.model.", "model._orig_mod.model."): value for key, value in state.items()}
    assert same(import_checkpoint(write(tmp_path, compiled), foreign_config())[0], made)
    bare = {key.removeprefix("model.model."): value for key, value in state.items() if key.startswith("model.model.")}
    with pytest.raises(CheckpointError, match="no seconds embedder; add a checkpoint"):
        import_checkpoint(write(tmp_path, bare), foreign_config())
    base = write(tmp_path, unwrapped(foreign_instrument()), "base.safetensors")
    imported, report = import_checkpoint(write(tmp_path, bare), foreign_config(), companion=base)
    assert same(imported, made)
    assert any("codec comes from" in note for note in report.notes)
    assert any("not taken from" in note for note in report.notes)


def test_block_causal_and_accompaniment(tmp_path: Path) -> None:
    for config in (foreign_config("tiny-bc"), foreign_config("tiny-control")):
        made = foreign_instrument(config)
        assert same(import_checkpoint(write(tmp_path, unwrapped(made)), config)[0], made)
    with pytest.raises(CheckpointError, match=r"additive input of 10 columns, the configuration tiny has 9 \(inpaint_mask 1"):
        import_checkpoint(tmp_path / "model.ckpt", foreign_config())


def test_moving_average_is_a_choice(tmp_path: Path) -> None:
    made = foreign_instrument()
    state = unwrapped(made)
    content = lightning(state)
    with_average = {**content, "state_dict": content["state_dict"] | moving_average(state, 0.5)}
    path = write(tmp_path, with_average)

    plain, report = import_checkpoint(path, foreign_config())
    assert same(plain, made)
    assert accounted(report, set(with_average["state_dict"]))
    assert any("--ema" in reason for reason in report.left_out)

    averaged, report = import_checkpoint(path, foreign_config(), ema=True)
    assert accounted(report, set(with_average["state_dict"]))
    torch.testing.assert_close(averaged.dit.to_cond_embed[0].weight, made.dit.to_cond_embed[0].weight + 0.5)
    assert torch.equal(averaged.conditioner.seconds_total.embedder.embedding[1].weight, state_seconds(made))
    with pytest.raises(CheckpointError, match="no moving average"):
        import_checkpoint(write(tmp_path, content), foreign_config(), ema=True)


def state_seconds(instrument: Instrument) -> Tensor:
    return instrument.conditioner.seconds_total.embedder.embedding[1].weight


def test_weight_norm_in_three_notations(tmp_path: Path) -> None:
    made = foreign_instrument()
    state, frames = unwrapped(made), torch.randn(1, 8, 5)
    expected = made.codec.decode(frames)
    newer = {
        key.replace("weight_g", "parametrizations.weight.original0").replace("weight_v", "parametrizations.weight.original1"): value
        for key, value in state.items()
    }
    imported, report = import_checkpoint(write(tmp_path, newer), foreign_config())
    assert torch.equal(imported.codec.decode(frames), expected)
    assert any("weight norm" in note for note in report.notes)

    made.codec.fold_weight_norm()
    imported, _ = import_checkpoint(write(tmp_path, unwrapped(made)), foreign_config())
    torch.testing.assert_close(imported.codec.decode(frames), expected)


def test_half_precision_codec(tmp_path: Path) -> None:
    made = foreign_instrument()
    state = {key: value.half() if key.startswith("pretransform.") else value for key, value in unwrapped(made).items()}
    imported, report = import_checkpoint(write(tmp_path, state, "model.safetensors"), foreign_config())
    assert all(value.dtype == torch.float32 for value in imported.state_dict().values())
    torch.testing.assert_close(imported.codec.decode(torch.ones(1, 8, 5)), made.codec.decode(torch.ones(1, 8, 5)), rtol=0.02, atol=0.02)
    assert any("half precision" in note for note in report.notes)


@pytest.mark.parametrize("base", [1e4, 1e6])
def test_rotary_frequencies_of_the_file_win(tmp_path: Path, base: float) -> None:
    made = foreign_instrument(foreign_config(rotary_base=base))
    imported, report = import_checkpoint(write(tmp_path, unwrapped(made)), foreign_config(rotary_base=5e3))
    assert same(imported, made)
    assert imported.config.dit.rotary_base == pytest.approx(base)
    assert any(f"rotary base {base:g} is the checkpoint's" in note for note in report.notes)


def test_odd_or_absent_rotary_frequencies(tmp_path: Path) -> None:
    made = foreign_instrument()
    key = "model.model.transformer.rotary_pos_emb.inv_freq"
    odd = {**unwrapped(made), key: torch.linspace(1, 0.1, 16)}
    imported, report = import_checkpoint(write(tmp_path, odd), foreign_config())
    assert torch.equal(imported.dit.transformer.rotary_pos_emb.inv_freq, odd[key])
    assert any("follow no base" in note for note in report.notes)
    del odd[key]
    imported, report = import_checkpoint(write(tmp_path, odd), foreign_config(rotary_base=1e6))
    assert same(imported, made)
    assert any("computed from base 1e+06" in note for note in report.notes)


def test_base_model_and_its_way_to_an_lmdm(tmp_path: Path) -> None:
    made = foreign_instrument(base_config())
    path = write(tmp_path, unwrapped(made), "model.safetensors")
    imported, _ = import_checkpoint(path, base_config())
    assert same(imported, made)
    assert imported.config.dit.global_token == "first"

    with pytest.raises(CheckpointError, match=r"no additive input .*--fresh-additive"):
        import_checkpoint(path, foreign_config())
    fresh, report = import_checkpoint(path, foreign_config(), fresh_additive=True)
    assert fresh.dit.to_input_add_embed is not None
    assert fresh.dit.to_input_add_embed.weight.any()
    assert any("freshly initialised" in note for note in report.notes)
    trained = write(tmp_path, lightning(unwrapped(made), model_config=model_config(base_config())))
    with pytest.raises(CheckpointError, match=r"was trained with additive"):
        import_checkpoint(trained, foreign_config())
    assert import_checkpoint(trained, foreign_config(), fresh_additive=True)[0].config.dit.global_token == "last"
    with pytest.raises(CheckpointError, match=r"additive input of 9 columns, the configuration .* has none"):
        import_checkpoint(write(tmp_path, unwrapped(foreign_instrument())), base_config())


@pytest.mark.parametrize("config", [foreign_config(), foreign_config("tiny-bc"), foreign_config("tiny-control")], ids=lambda c: c.name)
def test_configuration_inside_the_file(tmp_path: Path, config: InstrumentConfig) -> None:
    made = foreign_instrument(config)
    path = write(tmp_path, lightning(unwrapped(made), model_config=model_config(config)))
    imported, _ = import_checkpoint(path)
    assert same(imported, made)
    for part in ("dit", "layout", "pattern", "codec", "text", "seconds"):
        assert getattr(imported.config, part) == getattr(config, part), part
    other = config.model_copy(update={"dit": config.dit.model_copy(update={"heads": 1})})
    with pytest.raises(CheckpointError, match=r"was trained with heads 2, the configuration .* has 1"):
        import_checkpoint(path, other)
    with pytest.raises(CheckpointError, match="holds no model_config"):
        import_checkpoint(write(tmp_path, unwrapped(made)))


def test_unsupported_configuration_is_named(tmp_path: Path) -> None:
    made = foreign_instrument()
    for field, value in (("transformer_type", "x-transformers"), ("adapter", 3)):
        wrong = model_config(foreign_config())
        wrong["model"]["diffusion"]["config"][field] = value
        with pytest.raises(CheckpointError, match=field):
            import_checkpoint(write(tmp_path, lightning(unwrapped(made), model_config=wrong)))
    incomplete = model_config(foreign_config())
    del incomplete["model"]["pretransform"]
    with pytest.raises(CheckpointError, match="no entry 'pretransform'"):
        import_checkpoint(write(tmp_path, lightning(unwrapped(made), model_config=incomplete)))


def _without(state: dict[str, Any], ending: str) -> dict[str, Any]:
    return {key: value for key, value in state.items() if not key.endswith(ending)}


def test_nothing_is_skipped_in_silence(tmp_path: Path) -> None:
    state = unwrapped(foreign_instrument())

    def refused(content: dict[str, Any], sentence: str) -> None:
        with pytest.raises(CheckpointError, match=sentence) as caught:
            import_checkpoint(write(tmp_path, content), foreign_config())
        assert "\n" not in str(caught.value)

    refused({**state, "model.model.transformer.extra": torch.ones(1)}, r"unknown keys dit\.transformer\.extra")
    refused({**state, "adapter.weight": torch.ones(1)}, r"1 keys that belong to no part of a known model: adapter\.weight")
    refused({**state, "conditioner.conditioners.prompt.proj_out.weight": torch.ones(1)}, r"prompt\.proj_out\.weight")
    refused(_without(state, "layers.1.ff.ff.2.bias"), r"lacks dit\.transformer\.layers\.1\.ff\.ff\.2\.bias")
    refused(_without(split_self_attention(state), "layers.0.self_attn.to_kv.weight"), "beside its other half")
    refused({**split_self_attention(state), **state}, "both split and fused")
    refused({**state, "diffusion.model.model.to_cond_embed.0.weight": torch.ones(1)}, "mean the same weight")
    refused({key: value for key, value in state.items() if not key.startswith("pretransform")}, "no codec")
    refused({key: value for key, value in state.items() if not key.startswith("model")}, "no network")
    refused({**state, "model.model.to_cond_embed.0.weight": torch.ones(2, 2)}, r"has shape \[2, 2\], expected \[128, 32\]")
    refused({"epoch": 1}, "holds no tensors")
    refused({"state_dict": [1]}, "state_dict that is a list")


def test_weights_must_be_finite(tmp_path: Path) -> None:
    state = unwrapped(foreign_instrument())
    state["model.model.to_cond_embed.2.weight"][3, 4] = float("nan")
    with pytest.raises(CheckpointError, match=r"NaN or infinite values in model\.model\.to_cond_embed\.2\.weight"):
        import_checkpoint(write(tmp_path, state), foreign_config())
    unused = {**unwrapped(foreign_instrument()), "discriminator.x": torch.tensor(float("nan"))}
    import_checkpoint(write(tmp_path, unused), foreign_config())


def test_text_kind_must_be_that_of_published_models(tmp_path: Path) -> None:
    config = foreign_config()
    own_text = config.model_copy(update={"text": config.text.model_copy(update={"kind": "small"})})
    path = write(tmp_path, unwrapped(foreign_instrument()))
    with pytest.raises(CheckpointError, match="text kind small"):
        import_checkpoint(path, own_text)


class Malicious:
    """Unpickling this would run a command."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        import os

        return os.system, (f"touch {self.target}",)


def test_pickled_code_is_never_run(tmp_path: Path) -> None:
    target = tmp_path / "owned"
    path = write(tmp_path, {"state_dict": unwrapped(foreign_instrument()), "callbacks": Malicious(target)})
    with pytest.raises(CheckpointError, match=r"holds a Python object \((posix|nt)\.system\) and was not opened"):
        import_checkpoint(path, foreign_config())
    assert not target.exists()


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    state = unwrapped(foreign_instrument())
    for name in ("model.ckpt", "model.safetensors"):
        path = write(tmp_path, state, name)
        whole = path.read_bytes()
        for content in (whole[: len(whole) // 2], whole[:9], b"", b"<html>404 not found</html>"):
            path.write_bytes(content)
            with pytest.raises(CheckpointError, match=r"copy or download it again|is damaged") as caught:
                import_checkpoint(path, foreign_config())
            assert "\n" not in str(caught.value)
    with pytest.raises(CheckpointError, match="there is no checkpoint file"):
        import_checkpoint(tmp_path / "absent.ckpt", foreign_config())
    torch.save([1, 2], tmp_path / "list.pt")
    with pytest.raises(CheckpointError, match="holds a list"):
        import_checkpoint(tmp_path / "list.pt", foreign_config())
