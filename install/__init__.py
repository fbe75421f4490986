"""The stages, one file per runbook section, in the runbook's order."""
