"""The paper as pure tensor functions (FlowAnchor, arXiv 2604.22586, on FlowEdit).

Nothing here knows a model, a file or a window: `trajectory.edit` runs over any velocity.

- `schedule`: the noise grid, which steps run, which of them are anchored
- `noise`: one noise field per clip, addressed by counters
- `typed`: a prompt as typed and as read, character by character
- `words`: which words drive the edit, and their token columns
- `maskgrid`: a pixel matte becomes token rows
- `columns`, `sar`, `attend`: spatial-aware attention refinement and the attention around it
- `amm`: adaptive magnitude modulation
- `windows`, `solver`, `trajectory`: the edit itself (Algorithm 1)
"""
