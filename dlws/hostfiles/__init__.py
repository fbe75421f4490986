"""The texts of files that are written to hosts. Pure functions."""
