"""Parsers for what accelerators, their links and their benchmarks report."""
