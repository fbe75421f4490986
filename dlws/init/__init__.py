"""The first configuration: which hosts there are, what they say of themselves, and the config.yaml that says it."""
