"""The embedded model: procedural scenes with exact masks, its training, its weights.

``scenes``, ``draw`` and ``captions`` generate clips; ``scene_clip`` packs one ready-made
edit case; ``train`` and the ``*_stage`` modules retrain the model from nothing; ``weights``
holds the trained pipeline in diffusers' layout.
"""
