"""`python -m plugin.bench viewer [--frames N] [--json FILE]`."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path


def main(arguments: list[str] | None = None) -> int:
    """Run a benchmark, print its table, and write its numbers if asked; 1 where it fell short."""
    parser = argparse.ArgumentParser(prog="python -m plugin.bench", description=__doc__)
    parser.add_argument("what", choices=["viewer"])
    parser.add_argument("--frames", type=int, default=24, help="frames of the proxies")
    parser.add_argument("--json", type=Path, help="write the numbers here")
    chosen = parser.parse_args(arguments)
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from plugin.bench import viewer

    data = viewer.run(frames=max(4, chosen.frames))
    sys.stdout.write(viewer.table(data) + "\n")
    if chosen.json is not None:
        temporary = chosen.json.with_suffix(chosen.json.suffix + ".tmp")
        temporary.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
        temporary.replace(chosen.json)
    return 0 if data["least_fps"] >= viewer.LEAST_FPS else 1


if __name__ == "__main__":
    sys.exit(main())
