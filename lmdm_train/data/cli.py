"""`lmdm data`: make the music and the frames that training uses."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn, track

from lmdm_train.data.compose import compose as compose_piece
from lmdm_train.data.render import find_soundfont
from lmdm_train.data.render import render as render_piece


def _bar(hidden: bool) -> Progress:
    # On stderr, so that output can be piped.
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, disable=hidden, console=Console(stderr=True))


@click.group()
def data() -> None:
    """Make training music, and the latent frames that training reads."""


@data.command()
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("data/music"),
    show_default=True,
    help="Folder of tracks.",
)
@click.option("--pieces", type=click.IntRange(1), default=320, show_default=True, help="How many pieces; styles take turns.")
@click.option(
    "--first-seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the first piece; piece i has seed first+i."
)
@click.option("--seconds", type=click.FloatRange(2, 600), default=24.0, show_default=True, help="Least length of a piece.")
@click.option("--soundfont", type=click.Path(dir_okay=False), help="General MIDI soundfont; by default a packaged one.")
@click.option("--jobs", type=click.IntRange(1), default=2, show_default=True, help="Renderings at a time.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a sentence.")
def compose(output: Path, pieces: int, first_seed: int, seconds: float, soundfont: str | None, jobs: int, as_json: bool) -> None:
    """Compose pieces from seeds and render them with FluidSynth in the folder layout of Slakh2100.

    \b
    Each track holds mix.flac, stems/, MIDI/ and metadata.json with its caption.
    Tracks that are there already are kept, so an interrupted run goes on where it stopped.

    \b
    Example:  lmdm data compose -o data/music --pieces 320
    """
    font = find_soundfont(soundfont)
    composed = [compose_piece(first_seed + index, seconds=seconds) for index in range(pieces)]
    with ThreadPoolExecutor(jobs) as pool:
        done = pool.map(lambda piece: render_piece(piece, output, font), composed)
        tracks = list(track(done, total=pieces, description="rendering", disable=as_json))
    minutes = sum(piece.seconds for piece in composed) / 60
    result = {"folder": str(output), "tracks": len(tracks), "minutes": round(minutes, 1), "soundfont": font.name}
    click.echo(json.dumps(result) if as_json else f"{len(tracks)} tracks, {minutes:.1f} minutes of music in {output}")


@data.command()
@click.argument("audio", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("data/encoded"),
    show_default=True,
    help="Folder of encoded music.",
)
@click.option(
    "--checkpoint", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Instrument whose codec and sketches are used."
)
@click.option("--codec", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Codec of `lmdm train codec` instead.")
@click.option("--stems", is_flag=True, help="Also encode every stem and the sum of all others, for the control accompaniment.")
@click.option(
    "--held-out", type=click.FloatRange(0, 1), default=0.0, show_default=True, help="Share of loose audio files that training leaves out."
)
@click.option("--least-seconds", type=click.FloatRange(0), default=1.0, show_default=True, help="Shorter files are skipped.")
@click.option(
    "--dynamics", type=click.IntRange(0), default=0, show_default=True, help="Versions of each piece under random gain curves, beside it."
)
@click.option("--jobs", type=click.IntRange(1), default=len(os.sched_getaffinity(0)), show_default="cores", help="Processes at a time.")
@click.option("--device", default="cpu", show_default=True, help="Where the codec runs, such as cuda.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of sentences.")
def encode(
    audio: Path,
    output: Path,
    checkpoint: Path | None,
    codec: Path | None,
    stems: bool,
    held_out: float,
    least_seconds: float,
    dynamics: int,
    jobs: int,
    device: str,
    as_json: bool,
) -> None:
    """Encode the music below AUDIO: latent frames, sketch features and metadata of every piece.

    \b
    AUDIO holds tracks of `lmdm data compose`, Slakh2100 tracks, or audio files with
    their prompt in NAME.json or NAME.txt beside them (else the file name is the prompt).
    What is encoded already is kept, so an interrupted run goes on where it stopped.
    Files that cannot be used are listed at the end and in OUTPUT/report.json.

    \b
    Example:  lmdm data encode data/music -o data/encoded --checkpoint instrument.safetensors
    """
    from lmdm_train.data.encode import EncodeSettings, encode_folder

    if (checkpoint is None) == (codec is None):
        raise click.UsageError("give either --checkpoint (an instrument) or --codec (a codec of lmdm train codec)")
    settings = EncodeSettings(output, checkpoint, codec, stems, least_seconds, device, dynamics)
    with _bar(as_json) as bar:
        task = bar.add_task("encoding", total=None)
        report = encode_folder(
            audio,
            settings,
            jobs=jobs,
            held_out_share=held_out,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    if as_json:
        click.echo(json.dumps({"folder": str(output), **report.as_json()}))
        return
    versions = f" ({report.dynamics} of them under gain curves)" if report.dynamics else ""
    click.echo(f"{report.encoded} encoded, {report.kept} kept{versions}, {report.seconds / 60:.1f} minutes of music in {output}")
    for kind, found in [*sorted(report.skipped.items()), *sorted(report.noted.items())]:
        names = ", ".join(item for item, _ in sorted(found)[:5]) + (f" and {len(found) - 5} more" if len(found) > 5 else "")
        action = "skipped" if kind in report.skipped else "encoded all the same"
        click.echo(f"{len(found)} {kind} ({action}): {names}; see {output}/report.json")


@data.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("-o", "--output", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder of shards.")
@click.option("--shard-mib", type=click.IntRange(1), default=1024, show_default=True, help="A shard is full when it is this large.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of sentences.")
def shard(folder: Path, output: Path, shard_mib: int, as_json: bool) -> None:
    """Pack an encoded FOLDER into WebDataset shards, for music that outgrows one disk.

    \b
    Training reads a folder of shards as it reads a folder of items.
    Example:  lmdm data shard data/encoded -o data/shards
    """
    from lmdm_train.data.shard_writer import write_shards

    with _bar(as_json) as bar:
        task = bar.add_task("packing", total=None)
        shards, items, problems = write_shards(
            folder, output, shard_bytes=shard_mib << 20, progress=lambda done, total: bar.update(task, completed=done, total=total)
        )
    if as_json:
        click.echo(json.dumps({"folder": str(output), "shards": shards, "items": items, "skipped": problems}))
        return
    click.echo(f"{items} items in {shards} shards in {output}")
    for name, why in sorted(problems.items()):
        click.echo(f"left out {name}: {why}")
