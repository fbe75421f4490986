"""The embedded cluster: the runbook's four hosts on one machine. See lab/README.md."""
