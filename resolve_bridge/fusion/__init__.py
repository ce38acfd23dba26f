"""Fusion masks without Fusion: read a composition, find the meant mask, draw it.

`comp_text` parses, `model` knows tools and wires, `tracks` and `spline` turn inputs into
functions of time, `mask` turns tools into shapes, `raster` turns shapes into frames,
`choice` says which mask is meant, `timing` which comp frame a clip's frame is. What the
text does not settle comes back as `NotAnalytic`, with its reason and the ways out.
"""
