"""Checks that compare hosts: what must be equal, what must be unique."""
