"""Benchmark: an install of many pretended hosts."""
