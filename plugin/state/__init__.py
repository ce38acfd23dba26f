"""What the panel knows: typed observable models in plain Python, no Qt.

`session` composes everything into one `PanelModel` and builds the `EditRequest`. `curves` holds
sliders and the numbers behind them, `prompts` (with `word_spans`) the two texts and what drives,
`shot`, `matte` and `viewer` what is looked at, `job_queue` and `takes` what was and will be made.
`errors`, `messages`, `checks` and `empty` say what a person is told, by key; `keys` holds every
shortcut, `links` the states of Resolve and of the engine, `naming` names files and jobs.
"""
