"""Proof by mutation: changes the suite's code in memory, one place at a time, and asks whether a unit test notices."""
