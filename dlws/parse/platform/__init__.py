"""Parsers for what the platform's services answer."""
