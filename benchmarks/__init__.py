"""How long an audit of many hosts takes, by this suite and by its peers: `python -m benchmarks.audit`."""
