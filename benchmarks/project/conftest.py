"""A project of its own on the suite's plugin."""

pytest_plugins = ["dlws.engine.plugin"]
