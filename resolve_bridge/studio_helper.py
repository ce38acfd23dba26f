"""The disposable process that holds Resolve's scripting library (Studio only).

``fusionscript`` can hang under a dialog and can take its process down; here it takes down only
this one. Lines of JSON in, lines of JSON out; everything else the library prints goes to stderr.
Started by path, so it must find its own package, and is standard library only.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import json
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import IO, Any

if __package__ in (None, ""):  # started by path, perhaps under Resolve's own interpreter
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from resolve_bridge.remote_ops import Operations


def connect() -> Any:
    """Return the Resolve object, or None when Resolve is closed, free, or scripting is off."""
    modules = Path(os.environ["RESOLVE_SCRIPT_API"]) / "Modules"
    sys.path.append(str(modules))
    try:
        script = _named("DaVinciResolveScript")
    except ImportError:
        script = _library(os.environ["RESOLVE_SCRIPT_LIB"])
    return script.scriptapp("Resolve")


def _named(name: str) -> ModuleType:
    return importlib.import_module(name)


def _library(path: str) -> ModuleType:
    """Load the scripting library itself: the App Store edition ships no module beside it."""
    loader = importlib.machinery.ExtensionFileLoader("fusionscript", path)
    spec = importlib.util.spec_from_loader("fusionscript", loader)
    if spec is None:
        raise ImportError(path)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def serve(lines: IO[str], out: IO[str]) -> int:
    """Answer one request a line until the input ends or `stop` is asked."""
    resolve = connect()
    if resolve is None:
        _say(out, {"ok": False, "e": "no resolve"})
        return 3
    operations = Operations(resolve)
    _say(out, {"ok": True, "v": "ready"})
    for line in lines:
        request = json.loads(line)
        _say(out, {"id": request.get("id"), **operations.answer(request)})
        if request.get("op") == "stop":
            break
    return 0


def _say(out: IO[str], message: dict[str, Any]) -> None:
    out.write(json.dumps(message, ensure_ascii=True) + "\n")
    out.flush()


def main() -> int:
    """Keep the real stdout for the protocol; whatever the library prints lands on stderr."""
    protocol = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
    os.dup2(2, 1)
    requests = os.fdopen(os.dup(0), encoding="utf-8")
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    return serve(requests, protocol)


if __name__ == "__main__":
    sys.exit(main())
