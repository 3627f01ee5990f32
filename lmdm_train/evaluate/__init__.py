"""Measures of what an instrument plays."""
