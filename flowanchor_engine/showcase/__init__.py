"""What `flowanchor demo` shows: shots whose truth is known, and a real one.

`generated` edits generated shots plain and with SAR and holds both against the truth,
`footage` lays a ball over a public sample clip and edits that from file to file, `story`
tells both as sheets, a video and numbers.
"""
