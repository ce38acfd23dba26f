"""Edits on machines that nobody watches: one command per shot, and its description for managers.

`shot` reads a job file and finds its files through `path_mapping`; `run` is the story of one
shot: `finish` knows whether its result is there already and puts a new one into place, `engine`
starts and hears the worker, `voice` tells the manager, `exits` holds the exit statuses.
`template` describes shots as an OpenJD job, `local` runs such a job here; only these two need
the extra `farm`, so a render node does without.
"""
