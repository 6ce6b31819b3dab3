"""hypothesis with the profile of this suite: property tests take it from here.

The profile holds for a test if it is loaded before the test's decorators run. The root conftest does not load it:
a run without property tests does not import hypothesis.
"""

from hypothesis import HealthCheck, Phase, example, given, seed, settings
from hypothesis import strategies as st

__all__ = ["HealthCheck", "Phase", "example", "given", "seed", "settings", "st"]

settings.register_profile("suite", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("suite")
