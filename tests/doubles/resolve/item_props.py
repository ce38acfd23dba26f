"""Properties of an item: transform, crop, retime. Values beyond their range are clipped."""
# ruff: noqa: N802 - the vendor's names

from __future__ import annotations

from typing import Any

from tests.doubles.resolve.dispatch import Handle

_WIDE = 4.0 * 16384

#: Key -> (value of a fresh item, lowest, highest). Booleans have no range.
KEYS: dict[str, tuple[Any, float, float]] = {
    "Pan": (0.0, -_WIDE, _WIDE),
    "Tilt": (0.0, -_WIDE, _WIDE),
    "ZoomX": (1.0, 0.0, 100.0),
    "ZoomY": (1.0, 0.0, 100.0),
    "ZoomGang": (True, 0, 0),
    "RotationAngle": (0.0, -360.0, 360.0),
    "AnchorPointX": (0.0, -_WIDE, _WIDE),
    "AnchorPointY": (0.0, -_WIDE, _WIDE),
    "Pitch": (0.0, -1.5, 1.5),
    "Yaw": (0.0, -1.5, 1.5),
    "FlipX": (False, 0, 0),
    "FlipY": (False, 0, 0),
    "CropLeft": (0.0, 0.0, 16384.0),
    "CropRight": (0.0, 0.0, 16384.0),
    "CropTop": (0.0, 0.0, 16384.0),
    "CropBottom": (0.0, 0.0, 16384.0),
    "CropSoftness": (0.0, -100.0, 100.0),
    "CropRetain": (False, 0, 0),
    "DynamicZoomEase": (0, 0, 3),
    "CompositeMode": (0, 0, 30),
    "Opacity": (100.0, 0.0, 100.0),
    "Distortion": (0.0, -1.0, 1.0),
    "RetimeProcess": (0, 0, 3),
    "MotionEstimation": (0, 0, 6),
    "Scaling": (0, 0, 4),
    "ResizeFilter": (0, 0, 15),
}

#: 21.1 has six more. Their names are the double's own guess; their number is measured.
NEW_IN_21_1: dict[str, tuple[Any, float, float]] = {
    "Speed": (100.0, -6400.0, 6400.0),
    "SpeedPitchCorrection": (True, 0, 0),
    "StabilizationEnabled": (False, 0, 0),
    "FadeIn": (0.0, 0.0, 100000.0),
    "FadeOut": (0.0, 0.0, 100000.0),
    "LensCorrectionEnabled": (False, 0, 0),
}


class Properties(Handle):
    def _keys(self) -> dict[str, tuple[Any, float, float]]:
        if self.target.kind == "transition":
            return {}
        return KEYS | NEW_IN_21_1 if self.double.version.has("21.1") else KEYS

    def GetProperty(self, key: str = "") -> Any:
        values = {name: start for name, (start, _, _) in self._keys().items()} | self.target.props
        if self.target.kind == "transition":
            values = {}
        return values if not key else values.get(key)

    def SetProperty(self, key: str | dict, value: Any = None) -> bool:
        """Set one value, or a dict of values; an unknown key is False."""
        if isinstance(key, dict):
            return bool(key) and all(self.SetProperty(name, item) for name, item in key.items())
        if key not in self._keys():
            return False
        start, lowest, highest = self._keys()[key]
        if isinstance(start, bool):
            if not isinstance(value, (bool, int)):
                return False
            self.target.props[key] = bool(value)
            return True
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            return False
        clipped = min(max(value, lowest), highest)
        self.target.props[key] = int(clipped) if isinstance(start, int) else float(clipped)
        if key == "ZoomX" and self.target.props.get("ZoomGang", True):
            self.target.props["ZoomY"] = self.target.props["ZoomX"]
        return True

    def GetProperties(self) -> dict:
        found: dict[str, Any] = self.GetProperty()
        return found

    def SetProperties(self, values: dict) -> bool:
        return self.SetProperty(values)
