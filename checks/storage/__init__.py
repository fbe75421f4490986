"""Checks of disks and shares."""
