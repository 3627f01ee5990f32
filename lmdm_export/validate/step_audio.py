"""Step 4: audio decoded block by block through the runtime against one decode of all frames in torch, and the seams between blocks."""

from __future__ import annotations

import numpy as np

from lmdm_export.validate.bounds import Bound, rounding_bound
from lmdm_export.validate.context import Validation
from lmdm_export.validate.controls import decoder_fault
from lmdm_export.validate.metrics import compare, measure_seams
from lmdm_export.validate.player import decode_stream
from lmdm_export.validate.report import Check, Control, NotRun
from lmdm_export.validate.truth import Unavailable
from lmdm_runtime.codec_stream import first_states

REACH = 64
"""Samples to both sides of a block boundary in which an error counts as one of the seam."""


def check_audio(validation: Validation) -> None:
    """Adds the error of the stream, its errors and jumps at the seams, and the fault of a decoder that forgets."""
    bundle, report = validation.bundle, validation.report
    codec, model = bundle.manifest.codec, bundle.manifest.model
    try:
        truth = validation.truth.audio(validation.audio_blocks, validation.begin)
    except Unavailable as reason:
        report.not_run.append(NotRun(4, "streamed decode", str(reason)))
        return
    tick = validation.begin("runtime: streamed decode", 2)
    decoded = decode_stream(bundle, validation.backend, truth.frames)
    tick()
    start, samples = truth.warm_up * codec.frame_size, min(decoded.shape[1], truth.streamed.shape[1])
    streamed, expected, whole = (audio[:, start:samples] for audio in (decoded, truth.streamed, truth.audio))
    # A delayed stream begins a run `delay` frames before the end of each block.
    ends = range((model.block - codec.decoder.delay % model.block) * codec.frame_size, samples, model.block * codec.frame_size)
    boundaries = [end - start for end in ends if end > start]
    errors, seams = compare(expected, streamed), measure_seams(expected, streamed, boundaries, REACH)
    bound = rounding_bound(truth.rounding, errors.peak)
    how = "crossfaded stream against the same in torch" if codec.decoder.fade else "stream against one decode of all frames"
    report.checks += [
        Check(4, how, "max abs", errors.max_abs, bound, errors),
        Check(4, f"within {REACH} samples of a block boundary", "max abs", seams.boundary_error, bound),
        Check(4, "jump at block boundaries over the rms step", "ratio", seams.jump, _jump_bound(seams.reference_jump, bound, expected)),
    ]
    inexact, own = compare(whole, streamed), measure_seams(whole, streamed, boundaries, REACH)
    report.facts["audio"] = {
        "blocks": len(boundaries) + 1,
        "look_ahead_frames": codec.decoder.delay,
        "look_ahead_ms": 1e3 * codec.decoder.delay * codec.frame_size / codec.sample_rate,
        "fade_frames": codec.decoder.fade,
        "exact": codec.decoder.fade == 0,
        "snr_db_against_whole_decode": inexact.snr_db,
        "boundary_over_interior_error": own.excess,
        "jump": seams.jump,
        "jump_of_whole_decode": own.reference_jump,
    }
    fault = decoder_fault(bundle.manifest, first_states(bundle, codec.decoder))
    broken = decode_stream(bundle, validation.backend, truth.frames, fault)[:, start:samples]
    tick()
    report.controls.append(Control(4, fault.name, "max abs", compare(expected, broken).max_abs, bound.value))
    if validation.plots is not None:
        from lmdm_export.validate.plots import plot_audio

        others = {"streamed": streamed, f"fault: {fault.name}": broken}
        plot_audio(validation.plots / "audio.png", whole, others, boundaries, codec.sample_rate)


def _jump_bound(reference_jump: float, error: Bound, audio: np.ndarray) -> Bound:
    """What the expected audio itself does at the boundaries, and what its largest allowed error could add."""
    step = float(np.sqrt(np.mean(np.diff(audio, axis=1) ** 2)))
    slack = 2 * error.value / step if step > 0.0 else 0.0
    return Bound(reference_jump + slack, "the same figure of the expected audio, and what its error bound could add", reference_jump)
