"""Measure the edits: quality on generated scenes with exact truth, and the cost of SAR.

`metrics` and `verdicts` judge one edited clip, `stats` turns cases into intervals and tests,
`cases` and `variants` say what is edited and how, `quality` runs them on every core and keeps
one line per edit, `studies` names the ablations, `tables`, `plots`, `sheets` and `report` show
them. `sar_cost` weighs the attention refinement against the dense form; `clip` measures the
clip layer.
"""
