"""The engine: an `EditRequest` goes in, an edited clip comes out.

`request`, `protocol` and `errors` are light (pydantic only); `method` is the paper as
pure tensor functions, `wan` the paper on diffusers' Wan, `clip` pixels in and out,
`pipeline` the one place where they meet. This file stays empty so that importing a light
module never pulls in torch.
"""
