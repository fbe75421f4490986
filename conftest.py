"""Registers the suite's plugins; nothing else."""

pytest_plugins = ["dlws.engine.plugin", "fixtures.plugin"]
"""The pytest glue (options, hosts, stages, scheduler, verdicts), and what checks and stages may ask for by name."""
