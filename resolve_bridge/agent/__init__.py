"""What lives inside Resolve, and the mailbox through which it is spoken to.

``FlowAnchor.lua``      the agent: Workspace > Scripts > FlowAnchor, every edition and version
``FlowAnchorTool.lua``  right-click on a Fusion node > Script > FlowAnchor: picks that very mask
``FlowAnchor.fu``       an action and a hotkey for Fusion's node view
``FlowAnchor.setting``  an Edit-page effect with a button in the Inspector
``lua_text.py``         plain data as Lua table text
``places.py``           where mailbox and preferences lie on each system
``mailbox.py``          the Python end: session, requests, replies
"""
