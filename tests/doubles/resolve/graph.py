"""The node graph of a grade."""
# ruff: noqa: N802 - the vendor's names

from __future__ import annotations

from tests.doubles.resolve import model
from tests.doubles.resolve.dispatch import Handle, Refused


class Graph(Handle):
    """Nodes are numbered from 1."""

    owner = "Graph"

    @property
    def nodes(self) -> list[model.Node]:
        if isinstance(self.target, model.Item):
            return self.target.nodes
        found: list[model.Node] = self.context[0]
        return found

    def _node(self, index: int) -> model.Node:
        if not 1 <= index <= len(self.nodes):
            raise Refused
        return self.nodes[index - 1]

    def GetNumNodes(self) -> int:
        return len(self.nodes)

    def GetNodeLabel(self, index: int) -> str:
        return self._node(index).label

    def SetNodeEnabled(self, index: int, on: bool) -> bool:
        self._node(index).enabled = on
        return True

    def GetLUT(self, index: int) -> str:
        return self._node(index).lut

    def SetLUT(self, index: int, path: str) -> bool:
        self._node(index).lut = path
        return True

    def GetToolsInNode(self, index: int) -> list:
        self._node(index)
        return []

    def ResetAllGrades(self) -> bool:
        self.nodes[:] = [model.Node()]
        return True
