"""Parsers that turn the output of tools into typed values, by area.

All are pure functions and raise `dlws.verdict.Unparsable` for anything they do not understand.
"""
