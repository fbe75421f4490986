"""Registers the suite's plugins; nothing else."""

pytest_plugins = ["dlws.engine.plugin", "fixtures.plugin", "reports.plugin"]
"""How checks and stages are run, what they may ask for by name, and what is made of a run."""
