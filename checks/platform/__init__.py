"""Checks of the DLWS platform's services."""
