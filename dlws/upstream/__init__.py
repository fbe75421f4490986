"""What is DLWorkspace's own: its checkout, default parameters, known keys, published secrets."""
