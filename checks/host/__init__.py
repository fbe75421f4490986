"""Checks of the operating system and the hardware."""
