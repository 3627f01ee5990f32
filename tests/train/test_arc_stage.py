"""The game of ARC-Forcing as a stage: who learns from what, that it learns, what it saves, and that it goes on where it stopped."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import torch
from lightning_fabric import Fabric
from torch import Tensor

from lmdm_train.arc.discriminator import Heard
from lmdm_train.arc.stage import ArcStage, build_stage
from lmdm_train.checkpoint import load_instrument, save_instrument
from lmdm_train.engine.loop import Loop
from lmdm_train.engine.randomness import step_random
from lmdm_train.errors import LmdmTrainError
from lmdm_train.presets import preset
from lmdm_train.rollout import Rollout, cached_blocks
from lmdm_train.rollout.noise import seeded_noise
from lmdm_train.rollout.prompts import PromptTimeline
from tests.train.small_arc import Music, small_config, small_stage, trainable


def loop_of(stage: ArcStage) -> Loop:
    return Loop(Fabric(accelerator="cpu", devices=1), stage, stage.config.run)


def heard_by(stage: ArcStage, phase: str, step: int = 0) -> tuple[list[tuple[Tensor, Tensor, Heard]], dict[str, Tensor]]:
    """What the discriminator is given in one micro-batch, in turn, and the losses."""
    calls: list[tuple[Tensor, Tensor, Heard]] = []
    handle = stage.game.discriminator.register_forward_pre_hook(lambda module, args: calls.append(args[:3]))
    losses = stage.losses(phase, step_random(0, step, 0, 0, 1))
    handle.remove()
    return calls, losses


@pytest.mark.parametrize("phase", ["generator", "discriminator"])
def test_music_and_rollout_get_the_same_noise(phase, monkeypatch):
    """If the rollout is the music itself, what the discriminator hears is the same to the bit. Control: with noise of its own it is not."""
    stage = small_stage(loss={"contrastive": 0.0})
    monkeypatch.setattr(stage.game, "played", lambda scene, *rest: scene.real)
    (real, fake), _ = heard_by(stage, phase)
    assert torch.equal(real[0], fake[0])
    assert torch.equal(real[1], fake[1])
    assert len(set(real[1].tolist())) == 3, "each item at its own level"
    hearing = stage.game.hearing
    score = stage.game._score
    monkeypatch.setattr(stage.game, "_score", lambda frames, t, noise, heard: score(frames, *hearing(frames, random.Random(1)), heard))
    (real, fake), _ = heard_by(stage, phase)
    assert not torch.equal(real[0], fake[0])


def test_rollout_and_music_begin_alike_and_differ_after():
    stage = small_stage("tiny-bc", loss={"contrastive": 0.0})
    (real, fake), _ = heard_by(stage, "generator")
    assert torch.equal(real[0][..., :16], fake[0][..., :16])
    assert not torch.isclose(real[0][..., 16:], fake[0][..., 16:]).all(dim=1).any()


def test_negatives_are_the_same_music_with_anothers_prompt():
    stage = small_stage()
    (real, _, negative), losses = heard_by(stage, "discriminator")
    assert torch.equal(real[0], negative[0])
    text, other = real[2].cross_tokens[:, :-1], negative[2].cross_tokens[:, :-1]
    assert all(not torch.allclose(a, b) for a, b in zip(text, other, strict=True))
    assert sorted(text.sum(dim=(1, 2)).tolist()) == pytest.approx(sorted(other.sum(dim=(1, 2)).tolist()))
    assert torch.equal(real[2].cross_tokens[:, -1], negative[2].cross_tokens[:, -1]), "the duration is no part of what is asked for"
    assert losses["loss"].item() == pytest.approx((losses["adversarial"] + losses["contrastive"]).item())


def test_one_prompt_for_all_leaves_the_contrastive_loss_out():
    calls, losses = heard_by(small_stage(music=Music(prompts=("slow piano",))), "discriminator")
    assert len(calls) == 2
    assert losses["contrastive"] == 0


def test_controls_can_be_mismatched():
    stage = small_stage("tiny-accompaniment", Music(accompanied=True), loss={"mismatched": ["accompaniment"]})
    (real, fake, negative), _ = heard_by(stage, "discriminator", 5)
    assert torch.equal(real[2].cross_tokens, negative[2].cross_tokens)
    assert torch.equal(real[2].controls["accomp_input"], fake[2].controls["accomp_input"])
    assert not torch.equal(real[2].controls["accomp_input"], negative[2].controls["accomp_input"])


def test_one_condition_at_a_time_is_mismatched_if_asked():
    """Over many micro-batches each of the two is, and never both; an absent control is no negative."""
    settings = {"mismatched": ["prompt", "accompaniment"], "mismatch": "one"}
    stage = small_stage("tiny-accompaniment", Music(accompanied=True), loss=settings)
    seen = set()
    for step in range(12):
        calls, _losses = heard_by(stage, "discriminator", step)
        if len(calls) == 2:
            continue
        (real, _, negative) = calls
        controls = not torch.equal(real[2].controls["accomp_input"], negative[2].controls["accomp_input"])
        seen.add((not torch.equal(real[2].cross_tokens, negative[2].cross_tokens), controls))
    assert seen == {(True, False), (False, True)}
    silent = stage.game.generator.config.controls[0].model_copy(update={"dropout": 1.0})
    stage.game.generator.config = stage.game.generator.config.model_copy(update={"controls": (silent,)})
    assert {len(heard_by(stage, "discriminator", step)[0]) for step in range(8)} == {2, 3}


@pytest.mark.parametrize("name", ["tiny", "tiny-bc", "tiny-sketch", "tiny-accompaniment"])
@pytest.mark.parametrize("gradient", ["kept", "recomputed"])
def test_each_step_changes_its_own_player_alone(name, gradient):
    config = preset(name)
    music = Music(features=config.controls[0].values if "sketch" in name else 0, accompanied="accomp" in name)
    penalties = {"r1": 0.1, "r2": 0.1, "penalty": "exact" if gradient == "kept" else "difference"}
    stage = small_stage(name, music, rollout={"gradient": gradient}, loss=penalties, generator={"optimiser": {"learning_rate": 1e-3}})
    loop = loop_of(stage)

    def state() -> dict[str, dict[str, Tensor]]:
        return {key: {n: p.detach().clone() for n, p in module.named_parameters()} for key, module in stage.modules().items()}

    def changed(before, after, player) -> set[str]:
        return {n for n in before[player] if not torch.equal(before[player][n], after[player][n])}

    first = state()
    assert loop.advance().phase == "generator"
    second = state()
    assert changed(first, second, "discriminator") == set()
    learnt = changed(first, second, "generator")
    assert not {n for n in learnt if n.startswith("codec.")}
    assert {n for n in first["generator"] if n.startswith("dit.")} - learnt <= {"dit.to_input_add_embed.weight"}
    report = loop.advance()
    assert report.phase == "discriminator"
    assert {"adversarial", "contrastive", "r1", "r2", "margin", "told_apart"} < set(report.losses)
    assert changed(second, state(), "generator") == set()
    assert changed(second, state(), "discriminator")


def test_processes_agree_on_the_number_of_steps(monkeypatch):
    """Control: what each process draws for itself differs."""
    drawn = []
    stage = small_stage(rollout={"blocks": 12, "max_steps": 6})
    monkeypatch.setattr("lmdm_train.arc.game.evaluated_levels", lambda count, *rest: drawn.append(count) or [1.0])
    own = []
    for rank in (0, 1):
        random_ = step_random(0, 0, 0, rank, 2)
        stage.losses("discriminator", random_)
        own.append(random_.python.random())
    assert drawn[:12] == drawn[12:]
    assert own[0] != own[1]


def test_rollouts_move_towards_the_music():
    """From an untrained network, whose blocks have mean 0, to music of mean 1.5. Control: while the generator stays as it is, nothing."""
    stage = small_stage(
        music=Music(level=1.5, spread=0.5),
        random_weights=False,
        run={"batch": 4},
        generator={"optimiser": {"learning_rate": 5e-4, "betas": (0.0, 0.95)}},
        discriminator={"optimiser": {"learning_rate": 1e-3, "betas": (0.0, 0.95)}, "head_start": 2},
        rollout={"blocks": 2, "min_steps": 2, "max_steps": 2},
        loss={"contrastive": 0.0, "r1": 1000.0, "r2": 1000.0},
    )

    @torch.no_grad()
    def mean() -> float:
        instrument, noise = stage.game.generator, seeded_noise((1, 8, 4), 3)
        stream = cached_blocks(Rollout.of(instrument, PromptTimeline({0: "slow piano"}), noise, seconds=1.0))
        return float(torch.cat([next(stream) for _ in range(6)], dim=-1).mean())

    loop, before = loop_of(stage), mean()
    assert abs(before) < 0.2
    for _ in range(2):
        loop.advance()
    assert mean() == before
    for _ in range(38):
        loop.advance()
    assert abs(mean() - 1.5) < 0.7


def test_a_head_start_leaves_the_generator_as_it_is():
    stage = small_stage(discriminator={"head_start": 4, "updates": 2}, generator={"optimiser": {"learning_rate": 1e-2}})
    assert stage.phases == ("generator", "discriminator", "discriminator")
    loop, before = loop_of(stage), [p.detach().clone() for p in stage.game.generator.parameters()]

    def same() -> bool:
        return all(torch.equal(a, b) for a, b in zip(before, stage.game.generator.parameters(), strict=True))

    assert [loop.advance().phase for _ in range(6)] == [*stage.phases, *stage.phases]
    assert same()
    loop.advance()
    assert not same()
    with pytest.raises(LmdmTrainError, match="16-mixed"):
        small_stage(discriminator={"head_start": 1}, run={"precision": "16-mixed"})


def test_a_resumed_run_is_the_unbroken_one():
    def started() -> Loop:
        return loop_of(small_stage(run={"ema": 0.9, "seed": 5, "steps": 6}))

    whole, broken = started(), started()
    for _ in range(6):
        whole.advance()
    for _ in range(3):
        broken.advance()
    resumed = started()
    assert not same_state(resumed, whole)
    resumed.restore(broken.capture())
    for _ in range(3):
        resumed.advance()
    assert same_state(resumed, whole)


def same_state(a: Loop, b: Loop) -> bool:
    mine, theirs = a.capture().tensors, b.capture().tensors
    return mine.keys() == theirs.keys() and all(torch.equal(mine[key], theirs[key]) for key in mine)


def test_the_product_is_played_in_few_steps_without_guidance(tmp_path: Path):
    stage = small_stage(play={"steps": 2, "logsnr_end": 1.0})
    path = tmp_path / "arc.safetensors"
    stage.save(path, None)
    product = load_instrument(path)
    sampling = product.config.sampling
    assert (sampling.solver, sampling.guidance, sampling.steps, sampling.logsnr_end) == ("ping-pong", "none", 2, 1.0)
    assert product.config.model_copy(update={"sampling": preset("tiny").sampling}) == preset("tiny")
    key = "dit.transformer.project_in.weight"
    assert torch.allclose(product.state_dict()[key], stage.game.generator.state_dict()[key], atol=1e-2)


def test_demos_are_sounds(tmp_path: Path):
    stage = small_stage("tiny-sketch", Music(features=24), demo={"items": 1, "seconds": 0.01}, play={"steps": 3}, data={"path": tmp_path})
    stage.demo(tmp_path, None)
    names = {f"0 slow piano in C major, {what}.wav" for what in ("music", "1 step", "2 steps", "3 steps", "4 steps")}
    assert names <= {path.name for path in tmp_path.iterdir()}
    assert stage.game.generator.config.sampling.steps == 3


def test_the_fresh_head_may_learn_faster():
    stage = small_stage(discriminator={"optimiser": {"learning_rate": 1e-4, "head_rate": 5.0}})
    optimiser = stage.optimiser("discriminator")
    rates = {id(p): group["lr"] for group in optimiser.param_groups for p in group["params"]}
    named = dict(stage.game.discriminator.named_parameters())
    assert rates[id(named["head.encoder.0.weight_v"])] == pytest.approx(5e-4)
    assert rates[id(named["dit.transformer.project_in.weight"])] == pytest.approx(1e-4)
    assert set(rates) == {id(p) for p in named.values() if p.requires_grad}


def test_what_does_not_fit_is_refused_in_a_sentence(tmp_path: Path):
    with pytest.raises(LmdmTrainError, match=r"takes its negatives from the same micro-batch, found run.batch = 1"):
        small_stage(run={"batch": 1})
    assert small_stage(run={"batch": 1}, loss={"contrastive": 0}).phases == ("generator", "discriminator")
    with pytest.raises(LmdmTrainError, match=r"names \['pitch'\]; tiny can mismatch prompt"):
        small_stage(loss={"mismatched": ["pitch"]})
    with pytest.raises(LmdmTrainError, match="3 blocks make 12 frames, the discriminator's head needs 16"):
        small_stage(discriminator={"head": {"strides": (4, 2, 2)}})
    other = trainable("tiny", 0)
    other.config = preset("default")
    with pytest.raises(LmdmTrainError, match="was made for another codec than tiny"):
        ArcStage(small_config(), trainable("tiny", 0), other, Music())
    bidirectional = trainable("tiny", 0)
    bidirectional.config = preset("tiny").model_copy(update={"pattern": preset("sao-small").pattern})
    with pytest.raises(LmdmTrainError, match="tiny is bidirectional and cannot play through a cache"):
        ArcStage(small_config(), bidirectional, trainable("tiny", 0), Music())
    path = save_instrument(tmp_path / "generator", trainable("tiny", 0))
    with pytest.raises(LmdmTrainError, match="there is no folder"):
        build_stage(small_config(generator={"init": path}, data={"path": tmp_path / "nowhere"}))
