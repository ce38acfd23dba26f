"""The paper on diffusers' Wan classes: loading, text, latents, attention, velocity, guards.

This package knows models and tensors, never video files. Importing the package loads
nothing; import the module that is needed.
"""
