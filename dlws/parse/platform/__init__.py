"""Parsers for the answers of the platform's services."""
