"""Parsers for accelerators, their links and their benchmarks."""
