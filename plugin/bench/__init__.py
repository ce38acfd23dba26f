"""Measurements of the panel: `python -m plugin.bench viewer`, and the stall detector."""
