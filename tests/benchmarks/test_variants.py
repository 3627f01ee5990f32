"""Variants that take part in a comparison: their names, and those that are refused."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from benchmarks import __main__ as module
from benchmarks.variants import named_variants
from lmdm_export.precision.kinds import KINDS
from lmdm_export.precision.ladder import Search
from lmdm_runtime.bundle import Bundle, load_bundle
from tests.bundles import write_small_bundle

Written = Callable[[str], Path]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    write_small_bundle(folder := tmp_path_factory.mktemp("variants") / "plain", "tiny", rollout_blocks=8)
    return load_bundle(folder)


@pytest.fixture(scope="module")
def int8(plain: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    variant = Search(plain, 0.1, threads=1, rounds=3).write(KINDS["int8"], tmp_path_factory.mktemp("int8"))
    return variant.seal(0.1, 0.03, "tests").folder


def test_a_variant_is_named_by_its_precision_and_two_of_one_by_their_folders(int8: Path, tmp_path: Path) -> None:
    assert {name: variant.folder for name, variant in named_variants([int8]).items()} == {"int8": int8}
    again = Path(shutil.copytree(int8, tmp_path / "again"))
    named = named_variants([int8, again])
    assert {name: variant.folder for name, variant in named.items()} == {f"int8 {int8}": int8, f"int8 {again}": again}
    assert {variant.budget for variant in named.values()} == {0.1}
    with pytest.raises(click.ClickException, match="given twice"):
        named_variants([int8, int8])


def test_what_is_no_variant_is_refused_before_anything_runs(plain: Bundle, tmp_path: Path) -> None:
    for folder, said in ((plain.folder, "states no precision; make a variant of it: lmdm precision"), (tmp_path, "manifest")):
        done = CliRunner().invoke(module.main, ["--bundle", str(tmp_path / "never read"), "--variant", str(folder)])
        assert done.exit_code == 1
        (line,) = done.output.strip().splitlines()
        assert line.startswith("Error: ")
        assert said in line


def test_other_weights_are_refused_with_both_named(plain: Bundle, int8: Path, tmp_path: Path) -> None:
    (variant,) = named_variants([int8]).values()
    variant.require_of(plain)
    assert variant.made_from(plain)
    # Random weights share their hash, and another layout has others.
    wider = replace(plain.manifest, model=replace(plain.manifest.model, context=2 * plain.manifest.model.context))
    assert not variant.made_from(replace(plain, manifest=wider))
    write_small_bundle(tmp_path / "other", "tiny-plain", rollout_blocks=8)
    with pytest.raises(click.ClickException, match=r"was made from other weights .* than .*/other"):
        variant.require_of(load_bundle(tmp_path / "other"))
