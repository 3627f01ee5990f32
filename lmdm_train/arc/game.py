"""The two players on one micro-batch: what each of them minimises (paper §4.2, Figure 3)."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

import torch
from torch import Tensor

from lmdm_train.arc.discriminator import Discriminator, Heard
from lmdm_train.arc.losses import contrastive_loss, discriminator_loss, generator_loss, gradient_penalty, noised
from lmdm_train.arc.mismatch import mismatched_order
from lmdm_train.arc.rollout import draw_counts, evaluated_levels, unroll
from lmdm_train.arc.scene import Scene, generator_rollout
from lmdm_train.arc.settings import LossSettings, RolloutSettings
from lmdm_train.flow.dropout import chosen, without_items
from lmdm_train.flow.noise_levels import draw_levels
from lmdm_train.model.instrument import Instrument


@dataclass
class Game:
    """Generator and discriminator.

    Attributes:
        groups: of the additive input by control kind, for negatives.
    """

    generator: Instrument
    discriminator: Discriminator
    rollout: RolloutSettings
    loss: LossSettings
    groups: dict[str, tuple[str, ...]]

    def generator_losses(self, scene: Scene, seconds: tuple[Tensor, Tensor], rng: Random, shared: Random) -> dict[str, Tensor]:
        """`seconds` [B] is what generator and discriminator are told; noise comes from torch's global generator, `shared` is the same on
        every process."""
        text = self._text(scene.prompts)
        fake = self.played(scene, text[0], seconds[0], rng, shared)
        heard = self._heard(scene, text[1], seconds[1])
        t, noise = self.hearing(scene.real, rng)
        with torch.no_grad():
            real_score = self._score(scene.real, t, noise, heard)
        fake_score = self._score(fake, t, noise, heard)
        return {"loss": generator_loss(self.loss.kind, real_score, fake_score), **_margin(real_score, fake_score)}

    def discriminator_losses(self, scene: Scene, seconds: tuple[Tensor, Tensor], rng: Random, shared: Random) -> dict[str, Tensor]:
        """As for the generator. `adversarial` is Eq. 6 and `contrastive` Eq. 7, before its weight."""
        text = self._text(scene.prompts)
        with torch.no_grad():
            fake = self.played(scene, text[0], seconds[0], rng, shared)
        heard = self._heard(scene, text[1], seconds[1])
        t, noise = self.hearing(scene.real, rng)
        real_score, fake_score = self._score(scene.real, t, noise, heard), self._score(fake, t, noise, heard)
        adversarial = discriminator_loss(self.loss.kind, real_score, fake_score)
        parts = {"adversarial": adversarial}
        total = adversarial
        if self.loss.contrastive:
            parts["contrastive"] = self._contrastive(scene, real_score, t, noise, text[1], seconds[1], rng)
            total = total + self.loss.contrastive * parts["contrastive"]
        for name, weight, frames in (("r1", self.loss.r1, scene.real), ("r2", self.loss.r2, fake)):
            if weight:
                penalty = gradient_penalty(
                    lambda noisy: self.discriminator(noisy, t, heard, scene.layout.context), noised(frames, t, noise), self.loss
                )
                parts[name] = penalty
                total = total + weight * penalty
        return {"loss": total, **parts, **_margin(real_score, fake_score)}

    def played(self, scene: Scene, embedding: Tensor, seconds: Tensor, rng: Random, shared: Random) -> Tensor:
        """Context and rollout [B, C, L]."""
        tokens, global_cond = self.generator.conditioner.tokens(embedding, seconds)
        tokens = without_items(tokens, chosen(len(tokens), self.rollout.text_dropout, rng).to(tokens.device))
        counts = draw_counts(self.rollout, shared)
        levels = [evaluated_levels(count, self.rollout.grid, self.generator.config.sampling) for count in counts]
        rollout = generator_rollout(self.generator, scene, tokens, global_cond)
        return scene.with_blocks(unroll(rollout, levels, recompute=self.rollout.gradient == "recomputed"))

    def hearing(self, frames: Tensor, rng: Random) -> tuple[Tensor, Tensor]:
        """A noise level [B] and noise [B, C, L], the same for music and rollout: what differs is the music alone."""
        t = draw_levels(self.loss.noise_levels, len(frames), rng).to(frames)
        return t, torch.randn(frames.shape).to(frames)

    def _score(self, frames: Tensor, t: Tensor, noise: Tensor, heard: Heard) -> Tensor:
        return self.discriminator(noised(frames, t, noise), t, heard, self.generator.config.layout.context)

    def _text(self, prompts: list[str]) -> tuple[Tensor, Tensor]:
        """Embeddings [B, T, W] for the generator and for the discriminator; a T5 that both use, which does not learn, runs once."""
        mine, theirs = self.generator.conditioner, self.discriminator.conditioner
        embedding = mine.encode_prompts(prompts)
        shared = mine.config.kind == "t5" and theirs.config == mine.config
        return embedding, embedding if shared else theirs.encode_prompts(prompts)

    def _heard(self, scene: Scene, embedding: Tensor, seconds: Tensor) -> Heard:
        return Heard(*self.discriminator.conditioner.tokens(embedding, seconds), scene.controls)

    def _contrastive(
        self, scene: Scene, matched: Tensor, t: Tensor, noise: Tensor, embedding: Tensor, seconds: Tensor, rng: Random
    ) -> Tensor:
        kinds = self.loss.mismatched if self.loss.mismatch == "all" else (rng.choice(self.loss.mismatched),)
        moved = {name for kind in kinds for name in self.groups.get(kind, ())}
        by_prompt = "prompt" in kinds
        order, valid = mismatched_order(scene.prompts if by_prompt else [str(i) for i in range(len(scene.prompts))], rng)
        if not by_prompt:
            # No sketch at all suits any music.
            present = torch.stack([scene.controls[name].flatten(1).any(dim=1) for name in moved]).any(dim=0).tolist()
            valid = [one and present[j] for one, j in zip(valid, order, strict=True)]
        if not any(valid):
            return matched.new_zeros(())
        controls = {name: value[order] if name in moved else value for name, value in scene.controls.items()}
        tokens = self.discriminator.conditioner.tokens(embedding[order] if by_prompt else embedding, seconds)
        other = self._score(scene.real, t, noise, Heard(*tokens, controls))
        return contrastive_loss(matched, other, torch.tensor(valid, device=matched.device))


def _margin(real: Tensor, fake: Tensor) -> dict[str, Tensor]:
    """How far music scores above rollouts, and how often."""
    difference = (real - fake).detach()
    return {"margin": difference.mean(), "told_apart": (difference > 0).float().mean()}
