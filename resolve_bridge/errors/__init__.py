"""Every error of the bridge that a person may be told about.

`base` says what they carry, one module each holds those of a subject, `catalogue` lists all.
"""
