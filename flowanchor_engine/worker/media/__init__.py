"""The media end: what a panel needs of clips, words and models without a model in memory.

`end` is its side of the conversation; `pixels` turns frames into 8-bit RGB quickly, `folder`
keeps proxies on disk, `shot` opens what a proxy or a matte shows, `proxy`, `matte` and
`measure` are its jobs on pictures, `wording` tells how texts are understood, and `library`
knows the models. No torch is imported here, ever.
"""
