"""Show the mask of a composition file without Resolve.

``python -m resolve_bridge.fusion FILE.setting --size 1920x1080 --frames 0:48 --sheet out.png``
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from resolve_bridge.errors.base import BridgeError
from resolve_bridge.fusion.choice import Ask, NoMask, choose
from resolve_bridge.fusion.export import write_mattes, write_png
from resolve_bridge.fusion.mask import evaluate
from resolve_bridge.fusion.model import load
from resolve_bridge.fusion.raster import frames
from resolve_bridge.fusion.sheet import contact_sheet
from resolve_bridge.fusion.verdict import NotAnalytic

DONE, FAILED, UNDECIDED, NOT_ANALYTIC = 0, 1, 2, 3


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise argparse.ArgumentTypeError(f"{text!r} is no size such as 1920x1080")
    return int(width), int(height)


def _frames(text: str) -> range:
    first, _, last = text.partition(":")
    try:
        found = range(int(first), int(last or int(first) + 1))
    except ValueError:
        found = range(0)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is no range such as 0:48 (the end excluded)")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Returns
    -------
    int
        0 done, 1 unreadable, 2 undecided between masks (or none), 3 not analytic.
    """
    parser = argparse.ArgumentParser(
        prog="python -m resolve_bridge.fusion", description="Show a Fusion mask without Resolve."
    )
    parser.add_argument("file", type=Path, help="a .comp or .setting file")
    parser.add_argument("--size", type=_size, default=(1920, 1080), metavar="WIDTHxHEIGHT",
                        help="size of the source picture (1920x1080)")  # fmt: skip
    parser.add_argument("--frames", type=_frames, metavar="START:STOP",
                        help="comp frames, the end excluded (the comp's render range)")  # fmt: skip
    parser.add_argument("--tool", help="the mask tool, where it is not the only one")
    parser.add_argument("--sheet", type=Path, metavar="PNG", help="write a contact sheet")
    parser.add_argument("--mattes", type=Path, metavar="FOLDER", help="write 16-bit mattes")
    parser.add_argument("--tiles", type=int, default=12, help="frames on the sheet (12)")
    options = parser.parse_args(arguments)
    try:
        return _show(options)
    except BridgeError as error:
        sys.stderr.write(f"{error.user_message} [{error.code}]\n")
        return FAILED
    except OSError as error:
        sys.stderr.write(f"The files cannot be written: {error}\n")
        return FAILED


def _show(options: argparse.Namespace) -> int:
    comp = load(options.file)
    times = options.frames
    if times is None:
        first, last = comp.render_range or (0, 0)
        times = range(int(first), int(last) + 1)
    choice = choose(comp, options.tool)
    if isinstance(choice, NoMask):
        sys.stderr.write(choice.sentence + "\n")
        return UNDECIDED
    if isinstance(choice, Ask):
        sys.stderr.write(choice.sentence + "\n")
        for one in choice.candidates:
            users = ", ".join(one.consumers) or "nothing"
            sys.stderr.write(f"  --tool {one.tool}  ({one.why}; masks {users})\n")
        return UNDECIDED
    width, height = options.size
    mask = evaluate(comp, choice.mask.tool, times=times, width=width, height=height)
    if isinstance(mask, NotAnalytic):
        ways = ", ".join(mask.ways_out)
        sys.stderr.write(f"{mask.sentence} [{mask.reason}]\n  ways out: {ways}\n")
        return NOT_ANALYTIC
    sys.stdout.write(f"{mask.tool} ({choice.mask.why}): {' + '.join(mask.chain)}, "
                     f"{len(mask)} frames of {width}x{height}\n")  # fmt: skip
    for assumption in sorted(mask.assumed):
        sys.stdout.write(f"  assumed: {assumption.sentence}\n")
    begun = time.process_time()
    drawn = sum(1 for _ in frames(mask))
    speed = drawn / max(time.process_time() - begun, 1e-9)
    shares = [float(matte.mean()) for matte in frames(mask)]
    sys.stdout.write(f"  covers {min(shares):.2%} to {max(shares):.2%} of the picture\n")
    sys.stdout.write(f"  drawn at {speed:.0f} frames per second of one core\n")
    if options.mattes is not None:
        written = write_mattes(mask, options.mattes)
        sys.stdout.write(f"  {len(written)} mattes in {options.mattes}\n")
    if options.sheet is not None:
        write_png(contact_sheet(mask, tiles=max(1, options.tiles)), options.sheet)
        sys.stdout.write(f"  {options.sheet}\n")
    return DONE


if __name__ == "__main__":
    raise SystemExit(main())
