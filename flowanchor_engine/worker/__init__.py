"""The engine as a subprocess: lines in, lines out, one job at a time, warm.

`channel` owns the protocol's stdout and reads bounded lines, `life` proves life and ends
with the parent, `server` holds the conversation, `jobs` runs one job to exactly one
terminal event, `estimate` knows how long things take, `mock` plays a script instead of a
model. Nothing here imports torch before a job needs it.
"""
