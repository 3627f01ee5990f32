"""Configurations: a TOML file or a packaged recipe, with `key=value` overrides, validated, with errors that help."""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError

from lmdm_train.errors import LmdmTrainError

RECIPES = Path(__file__).resolve().parents[1] / "presets" / "recipes"

Model = TypeVar("Model", bound=BaseModel)


def recipe_names() -> list[str]:
    """Packaged recipes, such as `default/finetune`."""
    return sorted(str(path.relative_to(RECIPES).with_suffix("")) for path in RECIPES.rglob("*.toml"))


def find_config(source: str) -> Path:
    """The file of a path or of a packaged recipe's name.

    Raises:
        LmdmTrainError: there is neither.
    """
    path = Path(source)
    if path.suffix == ".toml" and path.is_file():
        return path
    recipe = RECIPES / f"{source}.toml"
    if ".." not in Path(source).parts and not path.is_absolute() and recipe.is_file():
        return recipe
    names = recipe_names()
    near = difflib.get_close_matches(source, names, 1)
    hint = f"did you mean {near[0]}?" if near else f"the recipes are {', '.join(names)}"
    raise LmdmTrainError(f"there is no configuration {source}: expected a .toml file or the name of a recipe; {hint}")


def read_config(model: type[Model], source: str, overrides: Sequence[str] = ()) -> Model:
    """A validated configuration.

    Args:
        source: path of a TOML file, or name of a packaged recipe.
        overrides: `section.key=value`, where value is TOML, a bare word, or `none`.

    Raises:
        LmdmTrainError: the file is missing or no TOML, or a key or value is not one that the stage knows.
    """
    path = find_config(source)
    try:
        content = tomllib.loads(path.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as failure:
        raise LmdmTrainError(f"{path} is not TOML: {failure}") from None
    return validated(model, content, str(path), overrides)


def validated(model: type[Model], content: dict[str, Any], where: str, overrides: Sequence[str] = ()) -> Model:
    """`content` of the file `where`, with overrides, as a model; raises LmdmTrainError as `read_config` does."""
    for override in overrides:
        _apply(content, override)
    try:
        return model.model_validate(content)
    except ValidationError as failure:
        raise LmdmTrainError(f"{where}: {explained(model, failure)}") from None


def _apply(content: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    parts = key.strip().split(".")
    if not equals or not all(parts):
        raise LmdmTrainError(f"--set expects section.key=value such as run.steps=500, found {override!r}")
    for part in parts[:-1]:
        inner = content.setdefault(part, {})
        if not isinstance(inner, dict):
            raise LmdmTrainError(f"--set {key.strip()}: {part} is {inner!r}, not a section")
        content = inner
    content[parts[-1]] = _value(text.strip())


def _value(text: str) -> Any:
    if text == "none":
        return None
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def explained(model: type[BaseModel], failure: ValidationError) -> str:
    """`run.stepz: no such key (found 5); did you mean run.steps?` and so on, one clause for each error."""
    clauses = []
    known = sorted(set(_keys(model)))
    for error in failure.errors():
        where = _where(error["loc"], known, last=error["type"] in ("extra_forbidden", "missing"))
        message = error["msg"].removeprefix("Value error, ")
        if error["type"] == "extra_forbidden":
            near = difflib.get_close_matches(where, known, 1, 0.7) or [key for key in known if key.rpartition(".")[2] == where]
            hint = f"did you mean {near[0]}?" if near else f"known here: {', '.join(_siblings(known, where))}"
            clauses.append(f"{where}: no such key (found {_shown(error['input'])}); {hint}")
        elif error["type"] == "missing":
            clauses.append(f"{where}: missing; set it in the file or with --set {where}=…")
        else:
            message = message[:1].lower() + message[1:]
            clauses.append(f"{where}: {message}, found {_shown(error['input'])}" if where else message)
    return "; ".join(clauses)


def _where(location: Sequence[int | str], known: Sequence[str], *, last: bool) -> str:
    """The dotted key of a location; names of union members, which pydantic puts in and no person wrote, are left out.

    `last` keeps the last part, which is the key at fault, whether it is known or not.
    """
    shown: list[str] = []
    keys: list[str] = []
    for index, part in enumerate(location):
        if isinstance(part, int):
            shown.append(str(part))
        elif ".".join([*keys, part]) in known or (last and index == len(location) - 1):
            shown.append(part)
            keys.append(part)
    return ".".join(shown)


def _siblings(known: Sequence[str], where: str) -> list[str]:
    section = where.rpartition(".")[0]
    return [key for key in known if key.rpartition(".")[0] == section] or list(known)


def _shown(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else text[:57] + "…"


def _keys(annotation: Any, prefix: str = "") -> Iterator[str]:
    """Dotted keys of a model and of the models in it."""
    if get_origin(annotation) is None and isinstance(annotation, type) and issubclass(annotation, BaseModel):
        for name, field in annotation.model_fields.items():
            yield f"{prefix}{name}"
            yield from _keys(field.annotation, f"{prefix}{name}.")
        return
    for inner in get_args(annotation):
        yield from _keys(inner, prefix)


def flattened(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested sections as dotted keys."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat |= flattened(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat
