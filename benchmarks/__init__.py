"""Benchmarks: `benchmarks.audit` compares this suite with its peers, `benchmarks.reports` times the reports.

`benchmarks.fleet` times the whole audit on fleets of growing size.
"""
