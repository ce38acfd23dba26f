"""Write pictures of every state of the panel: ``python -m plugin.gallery OUTDIR``.

Every language and scale is a process of its own, because a scale holds for a whole process.
`OUTDIR` gets one folder per language and scale and an ``index.html`` that shows them all.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

LANGUAGES = ("en", "de", "xx")
SCALES = (100, 150, 200)
# Qt's own offscreen screen is so small at 200 % that no window gets the size it has on a desk.
SCREEN = {"name": "desk", "x": 0, "y": 0, "width": 3840, "height": 2400, "dpr": 1,
          "logicalDpi": 96, "logicalBaseDpi": 96}  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    """Photograph all states and write the contact sheet."""
    parser = argparse.ArgumentParser(prog="python -m plugin.gallery", description=__doc__)
    parser.add_argument("out", type=Path, metavar="OUTDIR")
    parser.add_argument("--language", action="append", choices=LANGUAGES)
    parser.add_argument("--scale", action="append", type=int, choices=SCALES)
    parser.add_argument("--only", default="", help="names that begin with this")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    languages = tuple(options.language or LANGUAGES)
    scales = tuple(options.scale or SCALES)
    if options.here:
        from plugin.gallery.shoot import shoot

        return shoot(options.out, languages[0], options.only)
    from plugin.gallery.sheet import write_sheet

    failed = 0
    options.out.mkdir(parents=True, exist_ok=True)
    desk = options.out / "screen.json"
    desk.write_text(json.dumps({"screens": [SCREEN]}), encoding="utf-8")
    for language in languages:
        for scale in scales:
            folder = options.out / f"{language}-{scale}"
            folder.mkdir(parents=True, exist_ok=True)
            surroundings = {
                **os.environ,
                "QT_QPA_PLATFORM": f"offscreen:configfile={desk}",
                "QT_SCALE_FACTOR": str(scale / 100),
                "QT_ENABLE_HIGHDPI_SCALING": "1",
            }
            command = [sys.executable, "-m", "plugin.gallery", str(folder), "--here"]
            command += ["--language", language, "--only", options.only]
            failed += subprocess.run(command, env=surroundings, check=False).returncode != 0
    desk.unlink()
    write_sheet(options.out)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
