"""What tests build upon: pretended hosts, a small project, a sample run, the proofs of checks."""
