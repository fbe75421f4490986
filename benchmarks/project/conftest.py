"""A project of its own on the suite's plugins."""

pytest_plugins = ["dlws.engine.plugin", "fixtures.plugin", "reports.plugin"]
