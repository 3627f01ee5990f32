"""`lmdm import`: a published checkpoint in the project's format."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click


@click.command(name="import")
@click.argument("checkpoint", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), required=True, help="OUT.safetensors to write.")
@click.option("--preset", "preset_name", default=None, help="What the weights are, such as lmdm-ed; by default what the file itself says.")
@click.option("--layout", default=None, metavar="CONTEXT/BLOCK", help="Context and block in frames, such as 230/10.")
@click.option("--ema", is_flag=True, help="Take the moving average of the network's weights.")
@click.option("--fresh-additive", is_flag=True, help="Start the additive input afresh where the file has none, to fine-tune a base model.")
@click.option(
    "--companion",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    default=None,
    help="A second checkpoint that has the codec and the seconds embedder.",
)
@click.option("--t5", type=click.Path(path_type=Path, exists=True, file_okay=False), default=None, help="Folder of the T5 text encoder.")
@click.option("--half", is_flag=True, help="Store weights in half precision.")
@click.option("--force", is_flag=True, help="Replace a checkpoint that is there already.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def import_(
    checkpoint: Path,
    output: Path,
    preset_name: str | None,
    layout: str | None,
    ema: bool,
    fresh_additive: bool,
    companion: Path | None,
    t5: Path | None,
    half: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Convert CHECKPOINT, of stable-audio-tools or of LMDM's code (.safetensors or .ckpt), and say what became of every key.

    \b
      lmdm import model.ckpt --preset lmdm-ed -o runs/lmdm-ed.safetensors
    """
    import torch

    from lmdm_export.errors import ExportError
    from lmdm_train.checkpoint import import_checkpoint, save_instrument
    from lmdm_train.checkpoint.own import checkpoint_files
    from lmdm_train.presets import preset

    if layout is not None and preset_name is None:
        raise click.UsageError("--layout goes with --preset")
    taken = [file for file in checkpoint_files(output) if file.exists()]
    if taken and not force:
        raise ExportError(f"{taken[0]} exists already; replace it with --force, or choose another name")
    config = None if preset_name is None else preset(preset_name, layout)
    instrument, report = import_checkpoint(checkpoint, config, ema=ema, fresh_additive=fresh_additive, companion=companion, t5=t5)
    written = save_instrument(output, instrument, dtype=torch.float16 if half else None)
    if as_json:
        click.echo(json.dumps({"output": str(written), "configuration": instrument.config.name, **asdict(report)}, indent=1))
        return
    for line in report.lines():
        click.echo(line)
    click.echo(f"wrote {written} as {instrument.config.name}, layout {instrument.config.layout}; next: lmdm export {written} -o FOLDER")
