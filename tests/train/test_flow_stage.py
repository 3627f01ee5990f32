"""The flow stages: they learn, they train what they should, and their product and demos can be used."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from lmdm_train.checkpoint import load_instrument, save_instrument
from lmdm_train.config import InstrumentConfig, Pattern
from lmdm_train.control.sketch import raw_features
from lmdm_train.data.batch import Batch
from lmdm_train.data.settings import DataSettings
from lmdm_train.engine.config import RECIPES, read_config, recipe_names
from lmdm_train.engine.randomness import step_random
from lmdm_train.engine.settings import RunSettings
from lmdm_train.errors import LmdmTrainError
from lmdm_train.flow.dropout import ContextDropout
from lmdm_train.flow.optimiser import AdamWSettings
from lmdm_train.flow.settings import FlowSettings
from lmdm_train.flow.stage import DemoSettings, FlowConfig, FlowStage, build_stage
from lmdm_train.flow.start import StartSettings
from lmdm_train.model.instrument import Instrument
from lmdm_train.presets import preset
from tests.small_instruments import PROMPTS, small_instrument


class Humming:
    """Music in memory: every piece holds one frame for ever, which its prompt names."""

    def __init__(self, config: InstrumentConfig) -> None:
        self.config = config
        generator = torch.Generator().manual_seed(5)
        self.pieces = torch.randn(len(PROMPTS), config.dit.latent_channels, generator=generator)

    def draw(self, rng: random.Random, batch: int, length: int) -> Batch:
        chosen = [rng.randrange(len(PROMPTS)) for _ in range(batch)]
        audio = torch.randn(batch, length * self.config.codec.frame_size, generator=torch.Generator().manual_seed(rng.getrandbits(31)))
        return Batch(
            frames=self.pieces[chosen][:, :, None].expand(-1, -1, length).clone(),
            prompts=[PROMPTS[i] for i in chosen],
            seconds=torch.full((batch,), 3.0),
            features=raw_features(self.config, audio) if self.config.controls else {},
        )


def settings(**more: object) -> FlowConfig:
    given: dict[str, object] = {
        "run": RunSettings(batch=4),
        "data": DataSettings(path=Path("nowhere")),
        "optimiser": AdamWSettings(learning_rate=3e-3),
        "demo": DemoSettings(seconds=0.002),
    }
    return FlowConfig.model_validate(given | more)


def stage_of(name: InstrumentConfig | str, config: FlowConfig | None = None) -> FlowStage:
    instrument = small_instrument(name)
    return FlowStage(instrument, Humming(instrument.config), config or settings())


def whole_window(name: str) -> InstrumentConfig:
    config = preset(name)
    dit = config.dit.model_copy(update={"additive": config.dit.controls, "global_token": "first"})
    return config.model_copy(update={"dit": dit, "pattern": Pattern(kind="bidirectional")})


def trained(stage: FlowStage, steps: int) -> list[float]:
    optimiser = stage.optimiser("instrument")
    losses = []
    for step in range(steps):
        optimiser.zero_grad()
        loss = stage.losses("train", step_random(0, step, 0, 0, 1))["loss"]
        loss.backward()
        torch.nn.utils.clip_grad_norm_(stage.instrument.parameters(), 1.0)
        optimiser.step()
        losses.append(loss.item())
    return losses


CASES: dict[str, Callable[[], InstrumentConfig]] = {
    "encoder-decoder": lambda: preset("tiny"),
    "block-causal": lambda: preset("tiny-bc"),
    "base": lambda: whole_window("tiny"),
    "sketch": lambda: preset("tiny-sketch"),
}


@pytest.mark.parametrize("case", ["encoder-decoder", "block-causal", "base"])
def test_the_loss_falls_below_what_guessing_gives(case: str) -> None:
    """Music that hums is predictable: with the frame known, the best velocity has no error but at the loudest noise."""
    stage = stage_of(CASES[case](), settings(flow=FlowSettings(targets=2, context=ContextDropout(p_uncond=0.1, p_partial=0.1))))
    losses = trained(stage, 50)
    assert sum(losses[-10:]) < 0.6 * sum(losses[:10])


@pytest.mark.parametrize("freeze", [False, True])
def test_what_is_trained_and_what_is_not(freeze: bool) -> None:
    stage = stage_of("tiny", settings(freeze_text=freeze))
    before = {key: value.clone() for key, value in stage.instrument.state_dict().items()}
    trained(stage, 2)
    same = {key for key, value in stage.instrument.state_dict().items() if torch.equal(value, before[key])}

    def under(prefix: str) -> set[str]:
        return {key for key, _ in stage.instrument.named_parameters() if key.startswith(prefix)}

    assert {key for key in before if key.startswith("codec.")} <= same
    assert not under("dit.") & same
    assert not under("conditioner.seconds_total.") & same
    text = under("conditioner.text.")
    assert text <= same if freeze else not {key for key in text if ".layers." in key} & same


def test_groups_of_the_optimiser() -> None:
    instrument = stage_of("tiny").instrument
    plain = AdamWSettings(weight_decay=0.1).build(instrument)
    assert [(group["lr"], group["weight_decay"]) for group in plain.param_groups] == [(5e-5, 0.1)]
    split = AdamWSettings(learning_rate=1e-3, weight_decay=0.1, decays="matrices", additive_rate=5, text_rate=0.5).build(instrument)
    names = {id(parameter): name for name, parameter in instrument.named_parameters()}
    rates = {names[id(p)]: (group["lr"], group["weight_decay"]) for group in split.param_groups for p in group["params"]}
    assert rates.keys() == {name for name in names.values() if not name.startswith("codec.")}
    assert rates["dit.to_input_add_embed.weight"] == pytest.approx((5e-3, 0.1))
    assert rates["conditioner.text.layers.0.ff.0.weight"] == pytest.approx((5e-4, 0.1))
    assert rates["conditioner.text.layers.0.ff.0.bias"] == pytest.approx((5e-4, 0.0))
    assert rates["dit.timestep_features.weight"] == pytest.approx((1e-3, 0.0))
    assert rates["dit.transformer.layers.0.pre_norm.gamma"] == pytest.approx((1e-3, 0.0))
    assert split.param_groups[0]["lr"] == 1e-3


@pytest.mark.parametrize("case", list(CASES))
def test_demo_and_product(case: str, tmp_path: Path) -> None:
    stage = stage_of(CASES[case](), settings(stored="float16"))
    stage.demo(tmp_path, None)
    sounds = sorted(path.name for path in tmp_path.glob("*.wav"))
    assert len(sounds) == (4 if case == "sketch" else 2)
    assert len(list(tmp_path.glob("*.png"))) == len(sounds)
    stage.save(tmp_path / "made.safetensors", None)
    again = load_instrument(tmp_path / "made")
    assert again.config == stage.instrument.config
    weight = "dit.transformer.layers.0.self_attn.to_qkv.weight"
    assert torch.equal(again.state_dict()[weight], stage.instrument.state_dict()[weight].half().float())


def encoded(folder: Path, channels: int = 8, length: int = 64) -> Path:
    """Music in the released layout: an array and its JSON."""
    folder.mkdir()
    for index, prompt in enumerate(PROMPTS):
        np.save(folder / f"{index}.npy", np.random.default_rng(index).normal(size=(channels, length)).astype(np.float32))
        (folder / f"{index}.json").write_text(json.dumps({"prompt": prompt, "sample_rate": 44100}))
    return folder


def test_from_nothing_to_a_warm_start(tmp_path: Path) -> None:
    """Base around a codec, fine-tune of the base, warm start of the fine-tune on longer windows: each from the product before it."""
    data = DataSettings(path=encoded(tmp_path / "music"))
    codec = save_instrument(tmp_path / "codec", small_instrument("tiny"))
    starts = {
        "base": StartSettings(preset="tiny", codec=codec),
        "finetune": StartSettings(preset="tiny-bc", init=tmp_path / "base.safetensors"),
        "warm-start": StartSettings(init=tmp_path / "finetune.safetensors", layout="44/4"),
    }
    made: dict[str, Instrument] = {}
    for role, start in starts.items():
        stage = build_stage(settings(data=data, start=start), role)
        assert np.isfinite(trained(stage, 1)).all()
        stage.save(tmp_path / f"{role}.safetensors", None)
        made[role] = load_instrument(tmp_path / role)
    assert [made[role].config.pattern.kind for role in starts] == ["bidirectional", "block-causal", "bidirectional"]
    assert made["warm-start"].config.layout.window == 48
    for key, value in small_instrument("tiny").codec.state_dict().items():
        assert torch.equal(made["warm-start"].codec.state_dict()[key], value), key
    ids, mask = made["warm-start"].conditioner.tokenize([PROMPTS[0]])
    assert int(mask.sum()) > 2
    assert 2 not in ids, "a word of the music is unknown to the tokenizer that was made from it"
    with pytest.raises(LmdmTrainError, match="a warm start begins with a trained network"):
        build_stage(settings(data=data, start=starts["base"]), "warm-start")
    with pytest.raises(LmdmTrainError, match=r"nothing in .* is as long as a crop"):
        trained(build_stage(settings(data=data, start=StartSettings(init=tmp_path / "base.safetensors", layout="124/4")), "base"), 1)


FLOW_RECIPES = [name for name in recipe_names() if name.split("/")[1].startswith(("base", "finetune", "warm-start"))]


@pytest.mark.parametrize("name", FLOW_RECIPES)
def test_every_packaged_recipe_is_a_configuration(name: str) -> None:
    config = read_config(FlowConfig, name)
    assert config.start.preset is None or preset(config.start.preset)
    assert (RECIPES / f"{name}.toml").read_text().startswith("#")


def test_recipes_hold_the_values_of_paper_and_release() -> None:
    """Paper A.2.1; facts sheet §1 and §4."""
    paper, released = (read_config(FlowConfig, f"{who}/finetune-ed") for who in ("paper", "released"))
    assert (paper.run.steps, paper.run.batch * paper.run.accumulate * paper.run.devices) == (10_000, 256)
    assert (paper.flow.context.p_uncond, paper.flow.context.p_partial, paper.flow.context.partial) == (0.2, 0.3, "frames")
    assert released.flow.context.partial == "blocks"
    assert released.flow.group_dropout == 0.1
    assert (released.optimiser.learning_rate, released.optimiser.betas, released.optimiser.weight_decay) == (5e-5, (0.9, 0.999), 0.0)
    warm = read_config(FlowConfig, "paper/warm-start")
    assert (warm.start.layout, warm.run.steps) == ("720/48", 10_000)
