"""Measurements of the project on one machine; each result names that machine."""
