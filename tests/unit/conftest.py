"""No test of this project asserts a time: hypothesis must not either, on a machine that others use."""

from hypothesis import settings

settings.register_profile("suite", deadline=None)
settings.load_profile("suite")
