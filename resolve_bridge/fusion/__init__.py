"""Fusion masks without Fusion: read a composition, find the meant mask, draw it.

From the text up: `comp_text` parses into `table`s, `model` knows tools and wires, `spline`
and `path` are animation curves, `tracks` and `drawn` turn inputs into functions of comp time,
`outline`, `shapes` and `layer` are what mask tools draw, `mask` puts a chain of them together
after the `checks`. `coverage` and `soften` fill and soften, `raster` makes frames, `export` and
`sheet` make files of them. Beside them, `choice` says which mask is meant and `timing` which
comp frame a clip's frame is. What the text does not settle comes back as a `verdict`: a
`NotAnalytic` with its reason and the ways out, or an `Assumption` that travels with the mask.
"""
