"""Faults on purpose, many of them at random: what a run, and what reads it, must survive."""
