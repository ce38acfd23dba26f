"""The clip layer: pixels in, pixels out; knows no diffusion.

`media` (the only importer of PyAV) and `sequence` touch files; `facts`, `index` and
`reader` make frame-accurate access of them; `matte`, `shapes` and `track` say where the
edit may happen; `crop` and `colour` make the picture that the model sees; `composite`,
`patch`, `packets` and `writer` bring the edit back without touching anything else; `proxy`
and `sheet` are for eyes; `session` tells the story from request to delivered file.
"""
