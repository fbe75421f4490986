"""Faults that a run, and what reads it, must survive."""
