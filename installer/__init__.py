"""Sets the product up with nothing but the standard library; imports nothing of ours.

``check``, ``gpu``, ``drives``, ``libraries``  look at the machine
``resolve``, ``places``                        where things lie on Linux, Windows and macOS
``packages``, ``torch_build``, ``environment`` private environments: what is fetched, and how
``versions``, ``builder``                      installed versions side by side, one is current
``journal``, ``manifest``, ``placing``         nothing half-made is taken for whole, nothing lost
``scripts``, ``launchers``                     what goes into Resolve and into the system's menu
``selftest``, ``models``                       the installed product proves itself
``setup``, ``removal``, ``doctor``             the operations; ``__main__`` joins them to commands
"""
