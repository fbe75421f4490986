"""From the ledger and the evidence to JUnit, HTML and the terminal."""
