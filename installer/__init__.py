"""Sets the product up with nothing but the standard library.

`check` looks at the machine, `environment` makes the private environment, `console` shows
what is happening; `__main__` joins them into commands. Nothing of ours is imported here.
"""
