"""Benchmarks: `benchmarks.audit` compares this suite with its peers, `benchmarks.reports` times the reports."""
