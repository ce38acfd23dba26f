"""Travel along a drawn path, as `PolyPath` modifiers move a centre."""

from __future__ import annotations

import numpy as np

from resolve_bridge.fusion.outline import Outline, Points, flatten_bezier

__all__ = ["DrawnPath"]


class DrawnPath:
    """Positions along a path by the share of its length, lengths scaled by `units`."""

    def __init__(self, outline: Outline, units: Points) -> None:
        nodes = outline.nodes
        ends = np.arange(len(nodes)) if outline.closed else np.arange(len(nodes) - 1)
        after = (ends + 1) % len(nodes)
        control = np.stack(
            [
                nodes[ends, :2],
                nodes[ends, :2] + nodes[ends, 4:6],
                nodes[after, :2] + nodes[after, 2:4],
                nodes[after, :2],
            ],
            axis=1,
        ).reshape(-1, 4, 2)
        # Flattened at a fixed fine scale: the same points for every way to measure.
        scale = 16384.0
        rings = [flatten_bezier(part[None] * scale) / scale for part in control]
        last = nodes[:1, :2] if outline.closed else nodes[-1:, :2]
        self._points = np.concatenate([*rings, last])
        lengths = np.linalg.norm(np.diff(self._points, axis=0) * units, axis=1)
        total = np.concatenate([[0.0], np.cumsum(lengths)])
        self._shares = total / total[-1] if total[-1] > 0 else total
        corners = np.cumsum([0, *(len(ring) for ring in rings)])
        self._corners = self._shares[corners]

    def at(self, shares: Points) -> Points:
        """Return positions, shape (n, 2), for shares in 0..1."""
        x = np.interp(shares, self._shares, self._points[:, 0])
        y = np.interp(shares, self._shares, self._points[:, 1])
        return np.stack([x, y], axis=1)

    def is_marked_by(self, marks: list[float]) -> bool:
        """Whether every inner corner is one of the keyed displacements."""
        inner = self._corners[1:-1]
        if len(inner) == 0 or not marks:
            return False
        near = np.abs(inner[:, None] - np.array(marks)[None]).min(axis=1)
        return bool((near < 1e-4).all())
