"""Faults on purpose: what is broken, where that is tried, and what must hold all the same."""
