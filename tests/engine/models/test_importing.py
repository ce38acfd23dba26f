"""Files that a person already has: taken, checked and removed without touching what is theirs."""

from __future__ import annotations

import os
import pickle
import shutil
from pathlib import Path

import pytest

from flowanchor_engine import models
from flowanchor_engine.errors import (
    Cancelled,
    DiskError,
    ModelBusyError,
    ModelDamagedError,
    ModelExistsError,
    ModelForeignError,
    ModelIncompleteError,
    ModelMissingError,
    ModelUnsafeError,
    ModelUnsupportedError,
    OutputError,
    RequestError,
)
from flowanchor_engine.models import ModelEntry, Shape, registry
from flowanchor_engine.models.importing import import_folder, recognise
from flowanchor_engine.models.manifest import MANIFEST, installed, read_manifest
from flowanchor_engine.models.remove import remove
from flowanchor_engine.models.store import Shelf
from flowanchor_engine.models.verify import verify
from flowanchor_engine.progress import Phase
from flowanchor_engine.wan.facts import inspect
from flowanchor_engine.wan.load import load
from tests.engine.models.conftest import SMALL, Listener, needed_bytes

WEIGHTS = "vae/diffusion_pytorch_model.safetensors"


@pytest.fixture
def mine(checkpoints: dict[str, Path], tmp_path: Path) -> Path:
    """A folder of the person's own."""
    home = tmp_path / "my wan"
    shutil.copytree(checkpoints[SMALL], home)
    return home


@pytest.fixture
def tiny_registry(monkeypatch: pytest.MonkeyPatch) -> tuple[ModelEntry, ...]:
    """The registry, with the small model's shape as that of the 1.3B."""
    shape = Shape(layers=2, heads=4, latent_channels=16)
    listed = tuple(
        item.model_copy(update={"shape": shape}) if item.id == SMALL else item
        for item in registry.entries()
    )
    monkeypatch.setattr(registry, "entries", lambda: listed)
    return listed


def content(home: Path) -> dict[str, bytes]:
    return {
        path.relative_to(home).as_posix(): path.read_bytes()
        for path in home.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("how", ["link", "copy"])
def test_a_folder_becomes_a_model_and_stays_as_it_was(
    how: str, mine: Path, root: Path, tiny_registry: object
) -> None:
    before, heard = content(mine), Listener()
    home = import_folder(mine, how=how, report=heard)  # type: ignore[arg-type]
    assert home == root / SMALL == models.folder(SMALL)
    taken = content(home)
    del taken[MANIFEST]
    assert set(taken) < set(before)
    assert not [name for name in taken if name.endswith((".bin", ".md")) or "fp16" in name]
    assert all(before[name] == data for name, data in taken.items())
    assert (home / WEIGHTS).is_symlink() == (how == "link")
    total = needed_bytes(mine)
    assert heard.heard[-1] == (Phase.WRITE, total, total)
    assert verify(SMALL).checksums
    assert load(models.folder(SMALL)).facts.family == "wan2.1-t2v"
    assert not list((root / ".partial").iterdir())
    gone = remove(SMALL)
    assert gone.freed == (0 if how == "link" else total)
    assert gone.kept == ()
    assert not home.exists()
    assert content(mine) == before


def test_a_known_model_is_recognised_by_its_shape(mine: Path, tiny_registry: object) -> None:
    known = recognise(inspect(mine))
    assert known is not None
    assert known.id == SMALL


def test_another_model_than_it_is_said_to_be_is_refused(mine: Path, root: Path) -> None:
    with pytest.raises(ModelUnsupportedError, match="layers 2 instead of 40"):
        import_folder(mine, name="wan2.1-14b")
    with pytest.raises(ModelUnsupportedError, match=r"family wan2\.1-t2v instead of"):
        import_folder(mine, name="wan2.2-5b")
    with pytest.raises(ModelExistsError, match="embedded model"):
        import_folder(mine, name="demo")
    assert not root.exists()


def test_a_model_of_ones_own_is_found_by_its_name(mine: Path, root: Path) -> None:
    home = import_folder(mine, name="finetune-7")
    assert models.spec("finetune-7").folder == str(home)
    assert models.folder(models.spec("finetune-7")) == home
    assert list(installed()) == ["finetune-7"]
    with pytest.raises(ModelExistsError, match="already installed"):
        import_folder(mine, name="finetune-7")
    with pytest.raises(ModelExistsError, match="already lies in the models folder"):
        import_folder(home, name="again")


@pytest.mark.parametrize("name", ["../out", "a/b", "", ".hidden", "x" * 65])
def test_names_stay_in_the_models_folder(name: str, mine: Path, root: Path) -> None:
    with pytest.raises(RequestError, match="cannot be a model's name"):
        import_folder(mine, name=name)
    with pytest.raises(RequestError, match="cannot be a model's name"):
        remove(name)


def test_a_folder_whose_name_is_no_name_needs_one(mine: Path, root: Path) -> None:
    with pytest.raises(RequestError, match="“my wan” cannot"):
        import_folder(mine)


def test_pickles_are_refused_by_name_and_by_content(mine: Path, root: Path) -> None:
    weights = mine / WEIGHTS
    weights.write_bytes(pickle.dumps({"weights": list(range(1000))}))
    with pytest.raises(ModelDamagedError, match="diffusion_pytorch_model"):
        import_folder(mine, name="own")
    weights.unlink()
    with pytest.raises(ModelUnsafeError, match="pickle"):
        import_folder(mine, name="own")
    assert not (root / "own").exists()
    assert not list(root.glob(".partial/*"))


def test_what_is_no_model_is_refused(mine: Path, root: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelMissingError):
        import_folder(tmp_path / "nowhere", name="own")
    with (mine / WEIGHTS).open("r+b") as file:
        file.truncate(1000)
    with pytest.raises(ModelDamagedError, match="damaged or only partly"):
        import_folder(mine, name="own")
    (mine / "text_encoder" / "model.safetensors").unlink()
    with pytest.raises(ModelIncompleteError, match="text_encoder"):
        import_folder(mine, name="own")
    assert not (root / "own").exists()


def test_a_stop_leaves_nothing(mine: Path, root: Path) -> None:
    for share in (0.0, 0.3, 0.7):
        limit = share * needed_bytes(mine)
        calls = [0]

        def late(
            phase: Phase | None, done: int, limit: float = limit, calls: list[int] = calls
        ) -> bool:
            calls[0] += 1
            return calls[0] > 1 + limit / 400_000

        with pytest.raises(Cancelled):
            import_folder(mine, name="own", how="copy", report=Listener(late))
        assert not (root / "own").exists()
        assert not list(root.glob(".partial/*"))


def test_a_copy_needs_room_and_a_link_none(
    mine: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(mine)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1000))
    with pytest.raises(DiskError):
        import_folder(mine, name="own", how="copy")
    assert import_folder(mine, name="own", how="link").is_dir()


def test_a_system_without_links_says_so_and_does_not_copy_unasked(
    mine: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, target: object, target_is_directory: bool = False) -> None:
        raise OSError(1314, "A required privilege is not held by the client")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    with pytest.raises(OutputError, match="copy the model instead") as caught:
        import_folder(mine, name="own")
    assert caught.value.hint == ("copy_model",)
    assert not (root / "own").exists()


def test_links_whose_files_moved_away_are_noticed(mine: Path, root: Path) -> None:
    import_folder(mine, name="own")
    shutil.move(mine / "vae", mine.parent / "vae")
    with pytest.raises(ModelIncompleteError, match="vae"):
        verify("own")


# ---- checking -----------------------------------------------------------------------------


def test_verify_names_what_is_damaged(mine: Path, root: Path) -> None:
    home = import_folder(mine, name="own", how="copy")
    heard = Listener()
    found = verify("own", report=heard)
    assert (found.files, found.size) == (len(content(home)) - 1, needed_bytes(mine))
    assert heard.heard[-1] == (Phase.LOAD, found.size, found.size)
    data = bytearray((home / WEIGHTS).read_bytes())
    data[-1] ^= 1
    (home / WEIGHTS).write_bytes(data)
    assert not verify("own", quick=True).checksums  # one bit is only seen by reading all
    with pytest.raises(ModelDamagedError, match=WEIGHTS) as caught:
        verify("own")
    assert caught.value.hint == ("download_model",)
    (home / WEIGHTS).write_bytes(data[:-1])
    (home / "tokenizer" / "tokenizer.json").write_text("{}")
    with pytest.raises(ModelDamagedError, match=r"tokenizer\.json and 1 more"):
        verify("own", quick=True)
    with pytest.raises(Cancelled):
        verify("own", report=Listener(lambda phase, done: phase is not None))


def test_verify_takes_folders_and_the_embedded_model(mine: Path, root: Path) -> None:
    assert not verify("demo").checksums
    assert verify(str(mine)).facts.layers == 2
    with (mine / WEIGHTS).open("r+b") as file:
        file.truncate(2000)
    with pytest.raises(ModelDamagedError):
        verify(str(mine))
    with pytest.raises(ModelMissingError, match="no model called"):
        verify("unheard-of")


# ---- removing -----------------------------------------------------------------------------


def test_removing_deletes_only_what_was_installed(mine: Path, root: Path, tmp_path: Path) -> None:
    home = import_folder(mine, name="own", how="copy")
    (home / "notes.txt").write_text("mine")
    elsewhere = tmp_path / "elsewhere"
    shutil.move(home / "vae", elsewhere)
    (home / "vae").symlink_to(elsewhere)
    gone = remove("own")
    assert set(gone.kept) == {home / "notes.txt", home / "vae"}
    assert (home / "notes.txt").read_text() == "mine"
    assert (elsewhere / "diffusion_pytorch_model.safetensors").is_file()
    assert not (home / MANIFEST).exists()
    with pytest.raises(ModelForeignError, match="by hand"):
        remove("own")


def test_removing_refuses_what_is_not_ours(mine: Path, root: Path) -> None:
    with pytest.raises(ModelForeignError, match="part of FlowAnchor"):
        remove("demo")
    assert models.folder("demo").is_dir()
    with pytest.raises(ModelMissingError, match="No model called own"):
        remove("own")
    shutil.copytree(mine, root / "own")
    with pytest.raises(ModelForeignError, match="by hand"):
        remove("own")
    assert (root / "own" / WEIGHTS).is_file()


def test_a_manifest_that_points_outside_is_not_believed(mine: Path, root: Path) -> None:
    home = import_folder(mine, name="own", how="copy")
    precious = root / "precious.json"
    precious.write_text("{}")
    text = (home / MANIFEST).read_text()
    (home / MANIFEST).write_text(text.replace("model_index.json", "../precious.json"))
    with pytest.raises(ModelDamagedError):
        remove("own")
    assert precious.is_file()


def test_removing_frees_a_download_that_was_broken_off(root: Path) -> None:
    shelf = Shelf(root, SMALL)
    (shelf.staging / "vae").mkdir(parents=True)
    (shelf.staging / "vae" / "x.part").write_bytes(b"0" * 1000)
    assert remove(SMALL).freed == 1000
    assert not shelf.staging.exists()


def test_a_removal_that_was_cut_off_is_finished(mine: Path, root: Path) -> None:
    home = import_folder(mine, name="own", how="copy")
    (home / WEIGHTS).unlink()
    os.unlink(home / "model_index.json")
    remove("own")
    assert not home.exists()


def test_nobody_removes_what_is_being_worked_on(mine: Path, root: Path) -> None:
    home = import_folder(mine, name="own")
    with Shelf(root, "own").locked(), pytest.raises(ModelBusyError):
        remove("own")
    assert read_manifest(home) is not None


def test_an_import_keeps_a_download_that_was_broken_off_until_it_succeeds(
    mine: Path, root: Path, tiny_registry: object
) -> None:
    begun = Shelf(root, SMALL).staging / "vae" / "x.part"
    begun.parent.mkdir(parents=True)
    begun.write_bytes(b"0" * 1000)
    weights = (mine / WEIGHTS).read_bytes()
    (mine / WEIGHTS).write_bytes(weights[:-100])
    with pytest.raises(ModelDamagedError):
        import_folder(mine, name=SMALL)
    assert begun.stat().st_size == 1000
    (mine / WEIGHTS).write_bytes(weights)
    with pytest.raises(Cancelled):
        import_folder(mine, name=SMALL, report=Listener(lambda phase, done: done > 0))
    assert begun.stat().st_size == 1000
    import_folder(mine, name=SMALL)
    assert not list((root / ".partial").iterdir())


def test_what_a_killed_import_left_is_removed(mine: Path, root: Path) -> None:
    left = Shelf(root, "own").arriving
    (left / "vae").mkdir(parents=True)
    (left / "vae" / "half.safetensors").write_bytes(b"0" * 1000)
    assert remove("own").freed == 1000
    assert not left.exists()
    left.mkdir(parents=True)
    (left / "half").write_bytes(b"0")
    assert verify(import_folder(mine, name="own").name).checksums
    assert not list((root / ".partial").iterdir())
