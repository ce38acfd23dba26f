"""What holds for every test.

Property tests draw the same cases in every run, so that a failure belongs to the change at hand;
`FLOWANCHOR_EXPLORE=1` draws new ones.
"""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("same", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None, print_blob=True)
settings.load_profile("explore" if os.environ.get("FLOWANCHOR_EXPLORE") else "same")
