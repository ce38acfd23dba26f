"""The engine as a subprocess, and its light companion: lines in, lines out, one job at a time.

`channel` owns the protocol's stdout and reads bounded lines, `life` proves life and ends with
the parent, `conversation` is what both ends share, `job` runs one job to exactly one terminal
event and `pace` tells how fast it gets on. The engine: `server` is its end, `jobs` edits on a
warm model, `estimate` and `outlook` know how long things take. The `media` end serves viewers,
words and models. `mock` plays a script instead of either, with what `mock_jobs` and
`mock_pictures` make up; `client` is the other side for programs without a window. Nothing here
imports torch before an edit.
"""
