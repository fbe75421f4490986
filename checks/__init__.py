"""The checks, one file per subject, in the catalogue's groups. They only read."""
