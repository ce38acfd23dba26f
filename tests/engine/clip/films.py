"""The films of the matrix: containers, rates, depths, orders of coding."""

from __future__ import annotations

from fractions import Fraction

from tests.engine.clip.film import Film

X265 = "log-level=none:keyint=8:min-keyint=8:bframes=3:scenecut=0"
VARIABLE = (
    0,
    40,
    80,
    200,
    233,
    266,
    300,
    420,
    500,
    511,
    522,
    640,
    700,
    745,
    790,
    900,
    1000,
    1010,
    1020,
    1100,
    1200,
    1234,
    1300,
    1400,
)

H264 = Film(
    "h264.mp4",
    "libx264",
    rate=Fraction(24000, 1001),
    options={"g": "10", "bf": "3"},
    timecode="01:00:00:00",
    sound="aac",
)
H264_VFR = Film("vfr.mp4", "libx264", options={"g": "8"}, times=VARIABLE)
MKV_VFR = Film("vfr.mkv", "libx264", options={"g": "8"}, times=VARIABLE)
MKV = Film("h264.mkv", "libx264", rate=Fraction(60000, 1001), options={"g": "7"}, sound="aac")
TS = Film("h264.ts", "libx264", rate=Fraction(30000, 1001), options={"g": "9", "bf": "2"})
HEVC = Film("open-gop.mp4", "libx265", "yuv420p10le", options={"x265-params": X265 + ":open-gop=1"})
HEVC_TS = Film(
    "open-gop.ts", "libx265", "yuv420p10le", options={"x265-params": X265 + ":open-gop=1"}
)
HEVC_444 = Film("hevc444.mov", "libx265", "yuv444p12le", options={"x265-params": X265})
PRORES = Film(
    "prores.mov",
    "prores_ks",
    "yuv422p10le",
    rate=Fraction(30000, 1001),
    options={"profile": "3", "vendor": "apl0"},
    timecode="00:59:59;20",
    reel="A012C004",
    sound="pcm_s16le",
)
PRORES_4444 = Film(
    "prores4444.mov",
    "prores_ks",
    "yuva444p10le",
    rate=Fraction(24),
    options={"profile": "4", "alpha_bits": "16"},
)
DNXHR = Film(
    "dnxhr.mov",
    "dnxhd",
    "yuv422p10le",
    size=(256, 144),
    rate=Fraction(50),
    options={"profile": "dnxhr_hqx"},
    timecode="10:00:00:00",
)
AVI = Film("mpeg4.avi", "mpeg4", rate=Fraction(26777, 1000), options={"g": "12"})
FULL = Film("full.mp4", "libx264", "yuvj420p", tags=(1, 1, 1, 2))
SD = Film(
    "sd.mov",
    "libx264",
    rate=Fraction(25),
    tags=(5, 6, 5, 1),
    par=Fraction(16, 15),
    options={"g": "6"},
)
UNTAGGED = Film("untagged.mp4", "libx264", tags=(2, 2, 2, 0))
ODD = Film("odd.mov", "prores_ks", "yuv422p10le", size=(95, 63), options={"profile": "2"})
TURNED = Film("turned.mp4", "libx264", degrees=90)
ONE = Film("one.mov", "prores_ks", "yuv422p10le", frames=1, options={"profile": "3"})

VIDEOS = (
    H264,
    H264_VFR,
    MKV_VFR,
    MKV,
    TS,
    HEVC,
    HEVC_TS,
    HEVC_444,
    PRORES,
    PRORES_4444,
    DNXHR,
    AVI,
    FULL,
    SD,
    UNTAGGED,
    ODD,
    ONE,
)
