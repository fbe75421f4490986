"""The library under the suite: what a DLWS cluster is, how its hosts are reached, how pytest runs checks and stages.

Imports point one way, from the top of this list to its end: engine and facts; remote; record; platform; kubernetes;
config; upstream and hostfiles; parse; inventory, verdict and cli. `tests/unit/test_tree.py` holds it to that.
"""
