"""Registers the suite's plugin; nothing else."""

pytest_plugins = ["dlws.engine.plugin"]
