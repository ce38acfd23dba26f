"""Widgets: one control, one class; `panel` composes them."""
