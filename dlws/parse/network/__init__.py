"""Parsers for what a host reports of its network."""
