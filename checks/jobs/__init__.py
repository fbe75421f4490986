"""Checks that run pods as users' jobs do."""
