"""`lmdm build`: a bundle's graphs as TensorRT engines."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lmdm_runtime.engines.packages import PACKAGES

if TYPE_CHECKING:
    from lmdm_export.engines.build import BuildResult


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--engine", type=click.Choice(list(PACKAGES)), required=True, help="The package that builds, and later runs, the engines.")
@click.option("--graph", "graphs", multiple=True, metavar="NAME", help="Only this graph; may be given more than once.")
@click.option(
    "--target",
    "targets",
    multiple=True,
    metavar="8.9",
    help="Compute capability to build for, more than once for several; by default that of the GPU here. tensorrt-rtx only.",
)
@click.option("--force", is_flag=True, help="Build again what is there already.")
@click.option("--inspect", is_flag=True, help="Build nothing; show the graphs as Polygraphy and the package read them.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def build(bundle: Path, engine: str, graphs: tuple[str, ...], targets: tuple[str, ...], force: bool, inspect: bool, as_json: bool) -> int:
    """Build the graphs of BUNDLE as engines, kept in it under engines/KEY and built again by the same command.

    An engine holds for one GPU architecture, package version, precision and graph; a runtime refuses one that does not match. Float32
    graphs stay float32 (no TF32). Exit status 1 when a graph could not be built.

    \b
      lmdm build out/default --engine tensorrt-rtx --target 8.9 --target 12.0    # ahead of time, on any machine
      lmdm build out/default --engine tensorrt                                   # on the machine with the GPU
      lmdm validate out/default --engine tensorrt-rtx                            # there: the same bounds as on a CPU
    """
    from rich.console import Console

    from lmdm_export.engines.build import build_engines, chosen_targets
    from lmdm_runtime.bundle import load_bundle
    from lmdm_runtime.doctor.gpu import driver
    from lmdm_runtime.engines.packages import package_version

    package = PACKAGES[engine]
    version = package_version(package)
    loaded = load_bundle(bundle)
    console = Console(stderr=True)
    if inspect:
        from lmdm_export.engines.inspection import inspect_graphs, print_inspection

        found = inspect_graphs(loaded, package, graphs)
        click.echo(json.dumps(found, indent=1)) if as_json else print_inspection(found)
        return 0
    chosen = chosen_targets(package, version, targets, driver())
    if not targets and not driver().devices:
        console.print(f"no GPU here: building for compute capability {chosen[0]}; choose others with --target", highlight=False)
    results = []
    for target in chosen:
        with console.status(f"building for {target}") as status:

            def begin(graph: str, target: str = target) -> Callable[[float], None]:
                if not console.is_terminal:
                    console.print(f"{engine} {version} for {target}: {graph}", highlight=False)
                return lambda done: status.update(f"{engine} {version} for {target}: {graph} {done:.0%}")

            results.append(build_engines(loaded, package, target, graphs=graphs, force=force, begin=begin))
    if as_json:
        click.echo(json.dumps([result.to_json() for result in results], indent=1))
    else:
        for result in results:
            _print(result, bundle)
    return 1 if any(result.failed for result in results) else 0


def _print(result: BuildResult, bundle: Path) -> None:
    if not result.built and not result.failed:
        click.echo(f"{result.path}: nothing has changed, {len(result.kept)} engines are there already (--force builds them again)")
        return
    size = sum(plan.bytes for plan in result.record.plans.values())
    click.echo(f"{result.path}: {len(result.record.plans)} engines, {size / 1e6:.1f} MB, TF32 {'on' if result.record.tf32 else 'off'}")
    for name, plan in result.record.plans.items():
        how = f"{plan.seconds:.1f} s" if name in result.built else "kept"
        click.echo(f"  {name:16} {plan.bytes / 1e6:8.1f} MB {plan.layers:6} layers  {how}")
    for name, why in result.failed.items():
        click.echo(f"  {name:16} failed: {why}", err=True)
    for name in result.removed:
        click.echo(f"  removed engines/{name}: its graphs are no longer the bundle's")
    # A variant's budget was measured in ONNX Runtime, and no other engine is held to it.
    then = f"lmdm validate {bundle}" if result.key.precision == "float32" else f"lmdm generate {bundle} -o out.wav"
    click.echo(f"next, on a machine with that GPU: {then} --engine {result.key.package}")
