"""Parsers for the network of a host."""
