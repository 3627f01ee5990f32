"""Backends: what runs the graphs of a bundle, behind one small interface."""
