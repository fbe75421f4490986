"""Parsers for what an operating system and its hardware report."""
