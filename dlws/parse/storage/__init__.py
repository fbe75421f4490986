"""Parsers for what a host reports of disks, file systems and shares."""
