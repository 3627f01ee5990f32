"""`lmdm evaluate`: measure what an instrument plays."""

from __future__ import annotations

import click

from lmdm_train.evaluate.adapters.command import external
from lmdm_train.evaluate.commands.accompaniment import accompaniment
from lmdm_train.evaluate.commands.codec import codec
from lmdm_train.evaluate.commands.distance import distance
from lmdm_train.evaluate.commands.drift import drift
from lmdm_train.evaluate.commands.prompts import prompts
from lmdm_train.evaluate.commands.report import report
from lmdm_train.evaluate.commands.sketch import sketch
from lmdm_train.evaluate.commands.transitions import transitions


@click.group()
def evaluate() -> None:
    """Measure an instrument: what it plays, what it follows, and what becomes of it over minutes. Each figure stands beside its control."""


for command in (accompaniment, codec, distance, drift, external, prompts, report, sketch, transitions):
    evaluate.add_command(command)
