"""Parsers for disks, file systems and shares of a host."""
