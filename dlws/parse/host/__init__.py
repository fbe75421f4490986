"""Parsers for the operating system and the hardware of a host."""
