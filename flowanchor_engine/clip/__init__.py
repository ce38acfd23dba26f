"""The clip layer: pixels in, pixels out; knows no diffusion.

Files: `media` (the only importer of PyAV) with `records`, `sequence` (image files, animated
WebP), `index` (which frame is when), `access` and `reader` (frame-accurate reading),
`facts`, `timecode`. Pixels: `planes`, `colour`, `convert`, `resample`. Mattes: `matte`,
`shapes`, and `track` over `flow` and `appearance`; `matte_file` writes them. The edit:
`crop` makes the model's rectangle, `composite` and `patch` bring the edit back, `result`
makes one delivered picture. Writing: `delivery` decides codec and tags, `encoder`, `writer`
and `packets` write, `atomic` makes files appear whole. For eyes: `sheet`.
`session` tells the story from request to delivered file; `stack` keeps it flat in memory.
"""
