"""How this process shares the processors with everything else that runs.

Called before torch is loaded, because OpenMP reads its settings then.
"""

from __future__ import annotations

import os

__all__ = ["share_processors"]


def share_processors() -> None:
    """Let waiting threads sleep instead of spin.

    An editor's computer is never idle: beside a host that plays back, spinning threads wait
    for each other's cores, and an edit of seconds was seen to take minutes.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
