"""Write shapes and splines as composition text, for tests that generate compositions."""

from __future__ import annotations

from tests.bridge.fusion.reference import Ellipse, Key, Polygon, Rectangle, Shape


def number(value: float) -> str:
    return repr(float(value)) if value != int(value) else str(int(value))


def polyline(points: list[tuple[float, float, float, float, float, float]]) -> str:
    names = ("X", "Y", "LX", "LY", "RX", "RY")
    body = ", ".join(
        "{ " + ", ".join(f"{n} = {number(v)}" for n, v in zip(names, p, strict=True)) + " }"
        for p in points
    )
    return f"Polyline {{ Closed = true, Points = {{ {body} }} }}"


def key(k: Key, extra: str = "") -> str:
    parts = [number(k.value)]
    if k.left:
        parts.append(f"LH = {{ {number(k.left[0])}, {number(k.left[1])} }}")
    if k.right:
        parts.append(f"RH = {{ {number(k.right[0])}, {number(k.right[1])} }}")
    parts.append("Flags = { StepIn = true }" if k.step_in else "Flags = { LockedY = true }")
    if extra:
        parts.append(extra)
    return f"[{number(k.time)}] = {{ {', '.join(parts)} }}"


def spline(name: str, keys: list[Key], values: list[str] | None = None) -> str:
    rows = [key(k, f"Value = {v}" if v else "")
            for k, v in zip(keys, values or [""] * len(keys), strict=True)]  # fmt: skip
    return f"\t\t{name} = BezierSpline {{ KeyFrames = {{\n\t\t\t" + ",\n\t\t\t".join(rows) + " } }"


def static_inputs(shape: Shape) -> dict[str, str]:
    centre = f"Input {{ Value = {{ {number(shape.centre[0])}, {number(shape.centre[1])} }}, }}"
    if isinstance(shape, Polygon):
        return {
            "Center": centre,
            "Size": f"Input {{ Value = {number(shape.size)} }}",
            "ZRotation": f"Input {{ Value = {number(shape.degrees)} }}",
            "Polyline": f"Input {{ Value = {polyline(shape.points)} }}",
            "Polyline2": "Input { Value = Polyline { }, Disabled = true, }",
        }
    found = {
        "Center": centre,
        "Width": f"Input {{ Value = {number(shape.width)} }}",
        "Height": f"Input {{ Value = {number(shape.height)} }}",
        "Angle": f"Input {{ Value = {number(shape.degrees)} }}",
    }
    if isinstance(shape, Rectangle):
        found["CornerRadius"] = f"Input {{ Value = {number(shape.corner)} }}"
    return found


def reg_id(shape: Shape) -> str:
    return {Polygon: "PolylineMask", Ellipse: "EllipseMask", Rectangle: "RectangleMask"}[
        type(shape)
    ]


def tool(name: str, kind: str, inputs: dict[str, str], more: str = "") -> str:
    body = "".join(f"\t\t\t\t{key} = {value},\n" for key, value in inputs.items())
    return f"\t\t{name} = {kind} {{\n{more}\t\t\tInputs = {{\n{body}\t\t\t}},\n\t\t}}"


def setting(tools: list[str]) -> str:
    return "{\n\tTools = ordered() {\n" + ",\n".join(tools) + "\n\t}\n}\n"
