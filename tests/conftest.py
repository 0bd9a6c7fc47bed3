"""What holds for every test."""

import os

from hypothesis import settings

settings.register_profile("everyday", deadline=None)
settings.register_profile("exhaustive", deadline=None, max_examples=2_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "everyday"))
