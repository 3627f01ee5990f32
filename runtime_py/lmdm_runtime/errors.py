"""What the runtime refuses, as types; every message is one sentence: what, found, expected, what to run next."""

from __future__ import annotations


class LmdmError(Exception):
    """Anything the runtime refuses on purpose."""


class BundleError(LmdmError):
    """A folder that is not a whole, unchanged bundle of a known format."""


class RuntimeFault(LmdmError):
    """Something went wrong while a loaded bundle was running."""


class SessionError(RuntimeFault):
    """A request that a session cannot serve: a bad prompt, control, audio, or setting."""
