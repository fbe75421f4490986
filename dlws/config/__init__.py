"""config.yaml: the document with its positions, the schema, lint, and the typed cluster that is made of it."""
