"""`lmdm evaluate`: measure what an instrument plays."""

from __future__ import annotations

import click

from lmdm_train.evaluate.commands.codec import codec
from lmdm_train.evaluate.commands.distance import distance
from lmdm_train.evaluate.commands.prompts import prompts


@click.group()
def evaluate() -> None:
    """Measure an instrument: what it plays, what it follows, and what becomes of it over minutes. Each figure stands beside its control."""


for command in (codec, distance, prompts):
    evaluate.add_command(command)
