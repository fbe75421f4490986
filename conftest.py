"""Registers the suite's plugins; nothing else."""

pytest_plugins = ["dlws.engine.plugin", "reports.plugin"]
