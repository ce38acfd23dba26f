"""The Fusion application object: shared data, preferences, hidden compositions."""
# ruff: noqa: N802 - the vendor's names

from __future__ import annotations

import re
from typing import Any

from tests.doubles.resolve import model
from tests.doubles.resolve.dispatch import Handle, Refused

#: Longest value that was seen to survive in Fusion.prefs.
LONGEST = 192 * 1024


class UIManager(Handle):
    owner = "UIManager"


class FusionApp(Handle):
    """``fusion``, ``fu`` and ``app``."""

    owner = "Fusion"
    hidden_in_dir = frozenset({"GetAttrs", "SetAttrs"})

    def value(self, name: str) -> tuple[bool, Any]:
        if name == "UIManager":
            if self.double.edition == "free" and self.double.version.has("19.1"):
                self.double.modal = "UIManager needs DaVinci Resolve Studio"
                return True, None
            return True, UIManager(self.double)
        if name == "Version":
            return True, float(self.double.version.parts[0])
        return False, None

    # Shared data ----
    def SetData(self, name: str, value: Any = None) -> None:
        _put(self.double.data, name, value)

    def GetData(self, name: str = "") -> Any:
        return _get(self.double.data, name)

    # Preferences ----
    def SetPrefs(self, name: str | dict, value: Any = None) -> bool:
        """Set 'Global.Name'; None clears it. In memory until ``SavePrefs``."""
        pairs = name if isinstance(name, dict) else {name: value}
        for key, item in pairs.items():
            _put(self.double.prefs, key, item)
        return True

    def GetPrefs(self, name: str = "", default: Any = None) -> Any:
        return _get(self.double.prefs, name)

    def SavePrefs(self, path: str = "", name: str = "") -> None:
        self.double.save_prefs()

    def LoadPrefs(self, *_: Any) -> None:
        return None

    # Compositions ----
    def NewComp(self, quiet: bool = False, auto_close: bool = False, hidden: bool = False) -> Any:
        from tests.doubles.resolve import comp_text
        from tests.doubles.resolve.comp import FusionComp

        document = comp_text.parse(comp_text.empty_comp((0, 1000)))
        made = model.Comp("Composition1", document, data={"_hidden": hidden})
        self.double.hidden_comps.append(made)
        return FusionComp(self.double, made, None, None, None)

    def GetCurrentComp(self) -> Any:
        from tests.doubles.resolve.comp import FusionComp

        if self.double.page != "fusion":
            raise Refused
        timeline = self.double.timeline
        item = self.double.item_at_playhead(timeline) if timeline else None
        if item is None or not item.comps or not self.double.faults.scripted_comps:
            raise Refused
        comp = item.comps[item.active_comp]
        return FusionComp(self.double, comp, item, timeline, self.double.project)

    def GetResolve(self) -> Any:
        return self.double.app()

    def GetAttrs(self, name: str = "") -> dict:
        return {"FUSIONS_Version": str(self.double.version), "FUSIONB_Is64Bit": True}

    def MapPath(self, path: str) -> str:
        profile = self.double.prefs_path.parent
        return path.replace("Profile:", f"{profile}/").replace("UserData:", f"{self.double.home}/")

    def Execute(self, text: str) -> None:
        """Do nothing, as measured in 20.x."""


def _put(store: dict[str, Any], name: str, value: Any) -> None:
    *folders, last = name.split(".")
    for folder in folders:
        store = store.setdefault(folder, {})
    if value is None:
        store.pop(last, None)
    else:
        store[last] = value


def _get(store: dict[str, Any], name: str) -> Any:
    found: Any = store
    for part in name.split(".") if name else []:
        if not isinstance(found, dict) or part not in found:
            return None
        found = found[part]
    return found


def prefs_text(prefs: dict[str, Any]) -> str:
    """Write Fusion.prefs: one Lua table."""
    body = {"Global": {}} | prefs
    return _lua({"Locked": False} | body, 0) + "\n"


def _lua(value: Any, depth: int) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return f"{value:g}" if isinstance(value, float) else str(value)
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'"{escaped}"'
    pairs = value.items() if isinstance(value, dict) else enumerate(value, 1)
    lines = []
    for key, item in pairs:
        if isinstance(item, str) and len(item) > LONGEST:
            continue
        plain = isinstance(key, str) and re.fullmatch(r"[A-Za-z_]\w*", key)
        name = key if plain else f"[{_lua(key, 0)}]"
        lines.append("\t" * (depth + 1) + f"{name} = {_lua(item, depth + 1)},\n")
    return "{\n" + "".join(lines) + "\t" * depth + "}"
