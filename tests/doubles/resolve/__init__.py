"""A stateful DaVinci Resolve with real media behind it.

One world, two faces: Python proxies that behave like ``PyRemoteObject`` and LuaJIT states with
exactly the globals of one edition and version. Files are really read and written.

Scene::

    double = Double("free", "21.1", faults=Faults(append="slide"), home=tmp_path)
    film = double.build("Film", rate="24", size=(128, 72))      # a project, opened
    clip = film.video("A001.mov", frames_count=48, channels=2)  # a file; frame numbers readable
    cut = film.timeline("Cut", start="01:00:00:00", video=2)    # made current
    item = cut.put(clip, at=10, left=5, frames_count=24, linked_audio=True)
    cut.mask(item, POLYGON_TEXT, "Polygon1")                    # Fusion comp round a mask's text
    cut.select(item); cut.playhead(12); cut.marks(0, 99)
    film.deliver("mp4", "H264"); film.foreign_job()

``film``: video still sequence offline compound multicam fusion_clip nested folder file timeline
deliver foreign_job. ``cut``: put (speed, ramp, source_unknown, enabled, linked_audio, props)
title generator adjustment fusion_composition transition subtitle comp mask grade select playhead
marks marker disable_track lock_track. Builders return the model's objects (``model.Item`` ...);
``double.proxy(item)`` gives the Python proxy, ``double.handle(item)`` the double's own.

Python face::

    resolve = double.resolve                      # inside Resolve, any edition
    resolve = double.scriptapp("Resolve")         # outside: Studio only, else None

Lua face::

    lua = double.lua_runtime()                    # a LuaHost: fresh LuaJIT state, same world
    lua.execute("return resolve:GetProductName()")
    lua.run_file("FlowAnchor.lua")                # in this thread, to its end
    lua.start("FlowAnchor.lua")                   # in its own thread; bmd.wait really waits
    lua.stop()                                    # the next wait (or call) raises and ends it
    lua.start("FlowAnchor.lua", stepped=True)     # stands still at every bmd.wait ...
    lua.step()                                    # ... and runs on to the next
    lua.on_wait = lambda seconds: ...             # work done inside every wait
    lua.join()                                    # its own end; raises what it raised

``with double.lua_runtime() as lua:`` stops it. ``Double(speed=50)`` makes time inside run 50
times faster (``bmd.wait(1)`` takes 20 ms). ``double.lua_runtime(tool=(double.comp_handle(item),
"Polygon1"))`` is the Scripts/Tool door with ``comp`` and ``tool``. A second ``lua_runtime()`` is
a second click: ``fusion:SetData`` and prefs are shared. ``double.prefs_path`` is Fusion.prefs.
What a script starts (``os.execute``, ``ffi``) is only noted in ``double.spawned``.

Judging::

    before = double.state(); ...; difference(before, double.state())   # list of "path: old -> new"
    double.calls.names(); double.calls.of("AppendToTimeline"); double.calls.unknown()

``calls.unknown()`` lists every call whose name or argument count neither the vendor's stub nor
the version table knows; ``double.invented`` every name that was read and exists in no version.
Renders advance when a script waits or polls. Things that happen at a call:
``double.on("MediaPool.ImportMedia", lambda d: d.die())`` (``nth=``, ``after=``). Also:
``double.modal``/``dismiss()``, ``die()``, ``switch_project(name)``, ``delete_item(item)``,
``release()`` for ``faults.hang``, ``files.map(r"\\\\nas\\share", folder)`` for shown paths.
``clips.numbers(path)`` reads back which frames a rendered file holds. All of ``MATRIX`` is
``(edition, version)`` pairs.
"""

from tests.doubles.resolve import clips, signatures
from tests.doubles.resolve.double import Double
from tests.doubles.resolve.faults import (
    AgentStoppedError,
    Faults,
    NotReproducedError,
    ResolveGoneError,
)
from tests.doubles.resolve.lua_host import LuaHost
from tests.doubles.resolve.remote import PyRemoteObject
from tests.doubles.resolve.state import difference
from tests.doubles.resolve.versions import EDITIONS, MATRIX, VERSIONS

__all__ = [
    "EDITIONS",
    "MATRIX",
    "VERSIONS",
    "AgentStoppedError",
    "Double",
    "Faults",
    "LuaHost",
    "NotReproducedError",
    "PyRemoteObject",
    "ResolveGoneError",
    "clips",
    "difference",
    "signatures",
]
