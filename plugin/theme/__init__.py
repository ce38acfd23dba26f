"""Colours, type and the one style sheet."""
