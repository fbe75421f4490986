"""The library of the suite: the model of a DLWS cluster, the connections to its hosts, the engine for pytest.

Imports point one way, down this list: init; engine and facts; remote; record; platform; kubernetes; config; upstream
and hostfiles; parse; inventory, verdict and cli. `tests/unit/test_tree.py` enforces it.
"""
