"""Settings for the property tests."""

from hypothesis import settings

# No deadline: a slow machine is no defect. Derandomized, so that a red run is red again.
settings.register_profile("book", deadline=None, derandomize=True, max_examples=100)
settings.load_profile("book")
