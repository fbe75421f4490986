"""Faults on purpose: what is broken at random, and what must hold all the same."""
