"""`flowanchor …`: the engine from a terminal.

`app` joins the commands and words the errors; `edit`, `demo`, `bench` and `media` hold one
command family each; `terminal` shows progress. Heavy imports wait until a command runs.
"""
