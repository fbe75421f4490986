"""The suite held against a real DLWorkspace checkout: `make upstream CHECKOUT=DIR`."""
