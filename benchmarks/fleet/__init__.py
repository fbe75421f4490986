"""The whole audit on a fleet of pretended hosts that answer from the evidence of a recorded audit."""
