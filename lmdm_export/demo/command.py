"""`lmdm demo`: from the default checkpoint to half a minute of streamed music and a report."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command()
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, file_okay=False), default=Path("out/demo"), show_default=True, help="Folder to write."
)
@click.option("--checkpoint", type=click.Path(path_type=Path), default=None, help="Another instrument than the default one.")
@click.option(
    "--primer", type=click.Path(path_type=Path), default=None, help="Audio that the music continues; by default a rendered piece."
)
@click.option("-p", "--prompt", "prompts", multiple=True, help="Give it several times: each sounds for an equal part.")
@click.option("--seconds", type=click.FloatRange(1, 600), default=30.0, show_default=True, help="How much to generate.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the noise.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def demo(
    output: Path, checkpoint: Path | None, primer: Path | None, prompts: tuple[str, ...], seconds: float, seed: int, as_json: bool
) -> int:
    """Export an instrument, validate the bundle, and play it: primed with real music, the prompt changed twice, block by block.

    Writes a bundle, a WAV, a spectrogram, a page (index.html) and summary.json. Exits 1 when the bundle fails its validation.

    \b
      lmdm demo
      lmdm demo --prompt "jazz with saxophone" --prompt "techno with drums" --seconds 20 -o out/mine
    """
    from rich.console import Console

    from lmdm_export.demo.material import PROMPTS, default_checkpoint, default_primer
    from lmdm_export.demo.run import Plan, run
    from lmdm_export.demo.terminal import print_summary

    plan = Plan(checkpoint or default_checkpoint(), primer or default_primer(), prompts or PROMPTS, seconds, seed, output)
    summary = run(plan, Console(stderr=True))
    if as_json:
        click.echo(json.dumps(summary, indent=1, ensure_ascii=False))
    else:
        print_summary(summary, Console())
    return 0 if summary["parity"]["passed"] else 1
