"""Options that every command which opens a session shares."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from lmdm_runtime.backends import DEFAULT, ENGINES, make_backend

if TYPE_CHECKING:
    from lmdm_runtime.engine import Engine
    from lmdm_runtime.manifest import Manifest

F = TypeVar("F", bound=Callable[..., Any])

NATIVE = "native"
"""The C++ runtime: not a backend of the Python session, but a session of its own."""


def engine_option(*, native: bool) -> Callable[[Any], Any]:
    """`--engine`; `native` where a whole session may be another one."""
    summaries = {name: entry.summary for name, entry in ENGINES.items()} | ({NATIVE: "the C++ runtime"} if native else {})
    return click.option(
        "--engine",
        type=click.Choice(list(summaries)),
        default=DEFAULT,
        show_default=True,
        help=f"What runs the graphs: {'; '.join(f'{name}, {summary}' for name, summary in summaries.items())}.",
    )


SESSION_OPTIONS: Sequence[Callable[[Any], Any]] = (
    click.argument("bundle", type=click.Path(path_type=Path)),
    click.option(
        "--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the noise; the same seed gives the same audio."
    ),
    click.option("--steps", type=click.IntRange(1), default=None, help="Solver steps a block; by default the bundle's schedule."),
    click.option("--guidance", type=click.FloatRange(0), default=None, help="Guidance scale; by default the bundle's."),
    click.option(
        "--threads",
        type=click.IntRange(1),
        default=None,
        help="Threads of inference; by default those of `lmdm threads`, else the physical cores.",
    ),
    engine_option(native=True),
)


def with_options(options: Sequence[Callable[[Any], Any]]) -> Callable[[F], F]:
    """Apply click decorators in the order in which `--help` shall list them."""

    def apply(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return apply


def open_session(
    bundle: Path, seed: int, steps: int | None, guidance: float | None, threads: int | None, engine: str
) -> tuple[Engine, Manifest]:
    """Load a bundle and open a session with the shared options."""
    from lmdm_runtime.bundle import load_bundle

    loaded = load_bundle(bundle)
    if engine == NATIVE:
        from lmdm_runtime.native import NativeSession

        return NativeSession(loaded, seed, steps, guidance, threads=threads), loaded.manifest
    from lmdm_runtime.session import Session

    return Session(loaded, seed, steps, guidance, backend=make_backend(engine, loaded, threads)), loaded.manifest
