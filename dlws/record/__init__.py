"""What a run writes down and what is read back: ledger, evidence, redaction, the run's folder."""
