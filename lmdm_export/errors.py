"""The one base class of everything that the export room refuses; its message is a sentence for the user."""

from __future__ import annotations


class ExportError(Exception):
    """A checkpoint cannot become a bundle as asked: says what, what was found, what was expected and what to do."""
