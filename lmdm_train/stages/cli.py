"""`lmdm train`: the commands that make checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import click


class About(NamedTuple):
    """Help of one stage: in a list, in full, and as an example."""

    short: str
    full: str
    example: str

    def text(self, stage: str) -> str:
        """What `--help` says."""
        config = f"CONFIG is a TOML file or the name of a recipe; by default default/{stage}, or with --resume what the run began with."
        return f"{self.full}\n\n{config}\n\n\b\nExample:  {self.example}"


STAGES = {
    "codec": About(
        "Train a codec, or its decoder alone",
        "Train a codec on recordings, or the decoder of one alone. The product is runs/NAME/NAME.safetensors with its JSON beside it.",
        "lmdm train codec --set run.minutes=20 -o runs/codec",
    ),
    "base": About(
        "Train a network on whole windows",
        "Train a network on whole windows, without blocks. What it learns is the start of a fine-tune or of a warm start.",
        "lmdm train base --set run.minutes=60 -o runs/base",
    ),
    "finetune": About(
        "Train a block-wise network by flow matching",
        "Train a block-wise network by flow matching on the target block (paper Eq. 1 and 4.1.1), from nothing or from a checkpoint.",
        "lmdm train finetune my.toml --set run.steps=10000 --set run.precision=bf16-mixed -o runs/piano",
    ),
    "warm-start": About(
        "Train the start of a discriminator",
        "Train a network on windows as long as the rollouts that it will judge as a discriminator (paper A.2).",
        "lmdm train warm-start -o runs/warm",
    ),
    "arc": About(
        "Distil a network to a few steps by ARC-Forcing",
        "Distil a fine-tuned network to a few steps: rollouts judged by a discriminator. Generator and discriminator take turns, and "
        "run.steps counts the steps of both.",
        "lmdm train arc --set run.steps=2000 -o runs/arc",
    ),
    "judge": About(
        "Train the judge of prompts",
        "Train the small judge that hears which prompt a piece was made for, and measure it on held-out pieces. `lmdm evaluate prompts` "
        "asks it whether an instrument follows its prompts.",
        "lmdm train judge --set training.codec=runs/codec/codec.safetensors -o runs/judge",
    ),
}


@click.group()
def train() -> None:
    """Train codecs and instruments, each stage from one readable file.

    \b
    The default instrument, from nothing:
      lmdm data compose -o data/music --pieces 336
      lmdm train codec
      lmdm train finetune
      lmdm train arc

    \b
    Any run:
      lmdm train STAGE --dry-run          memory and time to come, after a few real steps
      lmdm train STAGE my.toml --set run.batch=8 -o runs/NAME
      lmdm train STAGE -o runs/NAME --resume
    A run that is stopped by Ctrl-C, by SIGTERM or by a crash goes on with --resume; its result is the same to the bit.
    """


def _command(stage: str) -> click.Command:
    about = STAGES[stage]

    @click.command(stage, short_help=about.short, help=about.text(stage))
    @click.argument("config", required=False)
    @click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override one value, as run.steps=500; again for more.")
    @click.option(
        "-o",
        "--output",
        type=click.Path(path_type=Path, file_okay=False),
        default=None,
        help="Folder of the run; by default runs/NAME after the configuration.",
    )
    @click.option("--resume", is_flag=True, help="Go on with the run in the folder, exactly where it stopped.")
    @click.option("--dry-run", is_flag=True, help="Take a few steps, write nothing, and say memory and time to come.")
    @click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of sentences.")
    def command(
        config: str | None,
        overrides: tuple[str, ...],
        output: Path | None,
        resume: bool,
        dry_run: bool,
        as_json: bool,
    ) -> int | None:
        from lmdm_train.stages.run import train_stage

        folder = output or Path("runs") / Path(config or stage).stem
        return train_stage(stage, config, overrides, folder, resume=resume, dry=dry_run, as_json=as_json)

    return command


for _name in STAGES:
    train.add_command(_command(_name))
