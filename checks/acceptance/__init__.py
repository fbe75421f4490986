"""Checks for handing over: speed and stability against what was agreed."""
