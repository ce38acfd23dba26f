"""What the panel does: models and services joined, one concern a module.

`desk.Desk` holds everything that is alive; the other modules each carry one thread of the story:
the shot and its pictures, the matte, the words, the work, the takes' way to the timeline.
"""
