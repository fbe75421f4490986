"""Checks of names, routes, firewalls and ports."""
