"""`lmdm evaluate external`: the paper's published metrics on weights that lie on this machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

# As `adapters.registry` has them; named here so that --help does not import torch.
METRICS = ("fd-openl3", "kl-passt", "clap", "cocola")
FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)


@click.command()
@click.argument("metric", required=False, type=click.Choice(METRICS))
@click.option("--list", "listing", is_flag=True, help="Say which metrics can run on this machine, and what the others lack.")
@click.option("--reference", type=FOLDER, help="Folder of real audio; for cocola, of the stems that are accompanied.")
@click.option("--generated", type=FOLDER, help="Folder of generated audio. kl-passt and cocola pair files by name.")
@click.option("--weights", type=click.Path(path_type=Path), help="Weights of the metric; by default looked for in the weights folder.")
@click.option(
    "--weights-folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("data/metrics"),
    show_default=True,
    envvar="LMDM_METRICS",
    show_envvar=True,
    help="Where weights are looked for.",
)
@click.option("--sha256", metavar="HEX", help="Refuse weights of any other hash.")
@click.option("--prompts", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="JSON from file name to prompt, for clap.")
@click.option("--channels", type=click.IntRange(1, 2), default=2, show_default=True, help="Channels that fd-openl3 hears.")
@click.option(
    "--hop", type=click.FloatRange(min=0.01), help="Seconds between windows of fd-openl3; by default 0.5, 1 for the paper's drift."
)
@click.option("--device", default="cpu", show_default=True, help="Where the network runs, such as cuda.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def external(context: click.Context, metric: str | None, listing: bool, weights_folder: Path, as_json: bool, **given: Any) -> None:
    """FD-OpenL3, KL-PaSST, CLAP or COCOLA score of generated audio, by networks whose weights you bring; nothing is downloaded."""
    if listing:
        _list(weights_folder, as_json)
        return
    if metric is None:
        raise click.UsageError(f"name a metric ({', '.join(METRICS)}) or say --list")
    from lmdm_train.errors import LmdmTrainError
    from lmdm_train.evaluate.adapters.needs import Unavailable

    try:
        result = _measure(metric, weights_folder, as_json, **given)
    except LmdmTrainError as failure:
        if not as_json:
            raise
        kind = failure.kind if isinstance(failure, Unavailable) else "input wrong"
        click.echo(json.dumps({"metric": metric, "state": kind, "reason": str(failure)}, indent=1))
        context.exit(1)
    if as_json:
        click.echo(json.dumps(result, indent=1))
        return
    click.echo(f"{result['title']} {result['value']:.4f} ({result['better']} is better)")
    for key in sorted(result.keys() - {"title", "value", "better", "metric", "state", "sha256"}):
        click.echo(f"  {key.replace('_', ' '):20} {result[key]}")


def _measure(
    metric: str,
    weights_folder: Path,
    quiet: bool,
    *,
    reference: Path | None,
    generated: Path | None,
    weights: Path | None,
    sha256: str | None,
    prompts: Path | None,
    channels: int,
    hop: float | None,
    device: str,
) -> dict[str, Any]:
    from lmdm_train.evaluate.adapters.base import Request
    from lmdm_train.evaluate.adapters.clap import read_prompts
    from lmdm_train.evaluate.adapters.needs import file_hash
    from lmdm_train.evaluate.adapters.registry import adapter_of
    from lmdm_train.evaluate.adapters.sounds import audio_files

    adapter = adapter_of(metric)
    wanted = {"--generated": generated, "--reference": reference, "--prompts": prompts}
    optional = {name for name, needed in (("--reference", adapter.needs_reference), ("--prompts", adapter.needs_prompts)) if not needed}
    absent = [name for name, value in wanted.items() if value is None and name not in optional]
    if absent or generated is None:
        raise click.UsageError(f"{metric} needs {' and '.join(absent)}")
    found = adapter.ready(weights, weights_folder, sha256)
    network = adapter.load(found, device)
    folders = [generated, *([reference] if adapter.needs_reference and reference is not None else [])]
    with Progress(console=Console(stderr=True), disable=quiet) as bar:
        task = bar.add_task("listening", total=sum(len(audio_files(folder)) for folder in folders))
        request = Request(
            generated,
            reference,
            read_prompts(prompts) if prompts is not None else {},
            channels,
            hop,
            device,
            lambda done: bar.update(task, completed=done),
        )
        measured = adapter.measure(network, request)
    about = {"metric": metric, "title": adapter.title, "state": "measured", "better": adapter.better}
    return {**about, **measured, "weights": found.name, "sha256": file_hash(found)}


def _list(weights_folder: Path, as_json: bool) -> None:
    from lmdm_train.evaluate.adapters.registry import ADAPTERS

    rows = [(adapter, *adapter.state(weights_folder)) for adapter in ADAPTERS]
    if as_json:
        states = [
            {
                "metric": adapter.name,
                "state": state,
                "reason" if state != "found" else "weights": words,
                "packages": {package.install: package.present() for package in adapter.packages},
                "weights_names": list(adapter.weights.names),
                "source": adapter.weights.source,
            }
            for adapter, state, words in rows
        ]
        click.echo(json.dumps(states, indent=1))
        return
    table = Table("metric", "state", "weights, or what is missing", title=f"published metrics, weights in {weights_folder}")
    for adapter, state, words in rows:
        table.add_row(adapter.name, state, words)
    Console().print(table)
