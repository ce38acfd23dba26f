"""`python -m plugin.bench viewer|start|session [CLIP] [--json FILE]`."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any


def main(arguments: list[str] | None = None) -> int:
    """Run a benchmark, print its table, and write its numbers if asked; 1 where it fell short."""
    parser = argparse.ArgumentParser(prog="python -m plugin.bench", description=__doc__)
    parser.add_argument("what", choices=["viewer", "start", "session"])
    parser.add_argument("clip", nargs="?", type=Path, help="of the session; best a UHD one")
    parser.add_argument("--frames", type=int, default=24, help="frames of the viewer's proxies")
    parser.add_argument("--json", type=Path, help="write the numbers here")
    chosen = parser.parse_args(arguments)
    if chosen.what == "session" and chosen.clip is None:
        parser.error("a session needs a clip")
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    data, text, good = _measure(chosen)
    sys.stdout.write(text + "\n")
    if chosen.json is not None:
        temporary = chosen.json.with_suffix(chosen.json.suffix + ".tmp")
        temporary.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
        temporary.replace(chosen.json)
    return 0 if good else 1


def _measure(chosen: argparse.Namespace) -> tuple[dict[str, Any], str, bool]:
    match chosen.what:
        case "viewer":
            from plugin.bench import viewer

            data = viewer.run(frames=max(4, chosen.frames))
            return data, viewer.table(data), data["least_fps"] >= viewer.LEAST_FPS
        case "start":
            from plugin.bench import start

            data = start.run()
            quick = min(data["seconds"]) <= start.MOST_S
            return data, start.table(data), quick and not data["heavy"]
        case _:
            from plugin.bench import session

            data = session.run(chosen.clip)
            own = [stall for part in data["parts"].values() for stall in part["stalls"]]
            return data, session.table(data), not any(stall["own"] for stall in own)


if __name__ == "__main__":
    sys.exit(main())
