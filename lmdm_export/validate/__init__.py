"""Validation: a bundle held against torch in five steps, each with faults that it must catch."""
