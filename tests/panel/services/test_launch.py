"""A child sees a clean environment, and a remote one is started by one safe command."""

from __future__ import annotations

import os

import pytest

from plugin.services.launch import cleaned_environment, local_media, remote_engine


def test_what_resolve_leaves_behind_is_dropped_and_proxies_stay() -> None:
    seen = cleaned_environment(
        {
            "PATH": "/usr/bin",
            "PYTHONPATH": "/opt/resolve/Developer/Scripting/Modules",
            "PYTHONHOME": "/opt/resolve/python",
            "QT_PLUGIN_PATH": "/opt/resolve/plugins",
            "Qt_Qpa_Platform_Plugin_Path": "x",
            "LD_LIBRARY_PATH": "/opt/resolve/libs:/opt/resolve/bin",
            "HTTPS_PROXY": "http://proxy:3128",
            "no_proxy": "localhost",
        }
    )
    assert seen == {
        "PATH": "/usr/bin",
        "HTTPS_PROXY": "http://proxy:3128",
        "no_proxy": "localhost",
        "PYTHONUTF8": "1",
    }


def test_a_persons_own_library_path_stays() -> None:
    path = os.pathsep.join(["/opt/resolve/libs", "/run/opengl-driver/lib", "", "/usr/local/cuda"])
    kept = cleaned_environment({"LD_LIBRARY_PATH": path})["LD_LIBRARY_PATH"]
    assert kept == os.pathsep.join(["/run/opengl-driver/lib", "/usr/local/cuda"])


def test_ssh_is_told_a_host_and_nothing_else() -> None:
    launch = remote_engine("render.example")
    assert launch.program == "ssh"
    assert launch.arguments[-3:] == ("render.example", "flowanchor-engine", "--stdio")
    assert launch.remote


@pytest.mark.parametrize("host", ["", "-oProxyCommand=sh", "a b", "a\nb", "a\0"])
def test_a_host_that_is_none_is_refused(host: str) -> None:
    with pytest.raises(ValueError, match="not the name"):
        remote_engine(host)


def test_more_variables_make_a_new_command() -> None:
    launch = local_media()
    more = launch.with_variables(A="1").with_variables(B="2")
    assert more.environment()["A"] == "1"
    assert more.environment()["B"] == "2"
    assert more.arguments == launch.arguments
    assert "A" not in launch.environment()
