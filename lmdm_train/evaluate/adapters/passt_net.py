"""The tagger PaSST-S (Koutini et al. 2021) in torch alone, with the parameter names of its published weights.

Source: kkoutini/passt_hear21, hear21passt/models/passt.py, architecture `passt_s_swa_p16_128_ap476` in inference. The package itself is not
used: it imports torchaudio and timm, and so torchvision, each built for one torch, and it downloads weights when it builds a network.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

WIDTH, DEPTH, HEADS, CLASSES = 768, 12, 12, 527
PATCH, STRIDE, ROWS, COLUMNS = 16, 10, 12, 99
# Frames beyond the last whole patch are heard no more than the package hears them.
FRAMES = (COLUMNS - 1) * STRIDE + PATCH


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.proj = nn.Linear(WIDTH, WIDTH)

    def forward(self, tokens: Tensor) -> Tensor:
        batch, count, _ = tokens.shape
        query, key, value = self.qkv(tokens).reshape(batch, count, 3, HEADS, WIDTH // HEADS).permute(2, 0, 3, 1, 4)
        heard = nn.functional.scaled_dot_product_attention(query, key, value)
        projected: Tensor = self.proj(heard.transpose(1, 2).reshape(batch, count, WIDTH))
        return projected


class Mlp(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(WIDTH, 4 * WIDTH)
        self.fc2 = nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, tokens: Tensor) -> Tensor:
        result: Tensor = self.fc2(nn.functional.gelu(self.fc1(tokens)))
        return result


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(WIDTH, eps=1e-6)
        self.attn = Attention()
        self.norm2 = nn.LayerNorm(WIDTH, eps=1e-6)
        self.mlp = Mlp()

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = tokens + self.attn(self.norm1(tokens))
        result: Tensor = tokens + self.mlp(self.norm2(tokens))
        return result


class PatchEmbed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.proj = nn.Conv2d(1, WIDTH, PATCH, stride=STRIDE)


class Passt(nn.Module):
    """Log-mel of ten seconds [B, 1, 128, frames >= 996] -> logits of AudioSet's classes [B, 527]."""

    def __init__(self) -> None:
        super().__init__()
        for name, shape in (
            ("cls_token", (1, 1, WIDTH)),
            ("dist_token", (1, 1, WIDTH)),
            ("new_pos_embed", (1, 2, WIDTH)),
            ("freq_new_pos_embed", (1, WIDTH, ROWS, 1)),
            ("time_new_pos_embed", (1, WIDTH, 1, COLUMNS)),
        ):
            self.register_parameter(name, nn.Parameter(0.02 * torch.randn(shape)))
        self.patch_embed = PatchEmbed()
        self.blocks = nn.Sequential(*(Block() for _ in range(DEPTH)))
        self.norm = nn.LayerNorm(WIDTH, eps=1e-6)
        self.head = nn.Sequential(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, CLASSES))
        # The published file has it; only training used it.
        self.head_dist = nn.Linear(WIDTH, CLASSES)

    def forward(self, mel: Tensor) -> Tensor:
        own = self.get_parameter
        patches = self.patch_embed.proj(mel[..., :FRAMES]) + own("time_new_pos_embed") + own("freq_new_pos_embed")
        first = torch.cat([own("cls_token"), own("dist_token")], dim=1) + own("new_pos_embed")
        tokens = torch.cat([first.expand(mel.shape[0], -1, -1), patches.flatten(2).transpose(1, 2)], dim=1)
        logits: Tensor = self.head(self.norm(self.blocks(tokens))[:, :2].mean(dim=1))
        return logits
