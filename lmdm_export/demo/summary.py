"""Everything that one demo found, as plain data: the source of the page, the terminal's summary and `summary.json`."""

from __future__ import annotations

from dataclasses import asdict
from importlib import metadata
from typing import Any

from lmdm_export.demo.latency import Latency
from lmdm_export.demo.perform import Performance
from lmdm_export.validate.report import Report
from lmdm_runtime.doctor import processor


def instrument_facts(manifest: dict[str, Any]) -> dict[str, Any]:
    """What the manifest says of the instrument, for a reader."""
    model, sampling, codec = manifest["model"], manifest["sampling"], manifest["codec"]
    return {
        "name": manifest["name"],
        "pattern": model["pattern"],
        "layout": f"{model['context']}/{model['block']}",
        "parameters": model["parameters"],
        "solver": sampling["solver"],
        "steps": len(sampling["schedule"]) - 1,
        "guidance": sampling["guidance"],
        "guidance_scale": sampling["guidance_scale"],
        "codec": codec["kind"],
        "sample_rate": codec["sample_rate"],
    }


def parity_facts(report: Report) -> dict[str, Any]:
    """The validation's own JSON, with its two counts and the reasons that its bounds share."""
    reasons = list(dict.fromkeys(check.bound.reason for check in report.checks))
    counts = {"kept": sum(check.passed for check in report.checks), "caught": sum(control.caught for control in report.controls)}
    return report.to_json() | counts | {"reasons": reasons}


def latency_facts(latency: Latency) -> dict[str, Any]:
    facts = asdict(latency)
    return facts | {
        "stages": list(facts["stages"]),
        "headroom": latency.headroom,
        "speed": latency.speed,
        "round_trip_ms": latency.round_trip_ms,
    }


def music_facts(played: Performance, seconds: float, sample_rate: int, load_ms: float) -> dict[str, Any]:
    audio = played.audio[:, played.primer_samples :]
    return {
        "seconds": seconds,
        "primer_seconds": played.primer_samples / sample_rate,
        "marks": [list(mark) for mark in played.marks],
        "load_ms": load_ms,
        "prime_ms": played.prime_ms,
        "peak": float(abs(audio).max()),
        "rms": float((audio**2).mean() ** 0.5),
    }


def machine_facts() -> dict[str, Any]:
    features = processor.features().details or {}
    return {
        "processor": features.get("model", "an unknown processor"),
        "cores": processor.usable_cores(),
        "features": features.get("features", []),
    }


def version() -> str:
    return metadata.version("lmdm")
