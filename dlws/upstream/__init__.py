"""DLWorkspace itself: its checkout, default parameters, known keys, published secrets."""
