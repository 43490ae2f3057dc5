"""A disk that remembers what was synced, and what of a folder a power loss leaves.

It follows fsync, link, rename, unlink and the making and removing of folders under a root. Of what was not synced
nothing counts: content since the last sync of a file is lost, names made or removed since the last sync of their folder
are as they were then. Real disks lose less; a store that survives this one survives them.
"""

import contextlib
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch


@dataclass
class File:
    """A file's content at its last sync; None before the first."""

    synced: bytes | None = None


@dataclass
class Folder:
    """A folder's names, and those at its last sync."""

    names: dict[str, "File | Folder"] = field(default_factory=dict)
    synced: dict[str, "File | Folder"] = field(default_factory=dict)


class Disk:
    """The disk under ``root``, as far as this process writes to it while ``following``."""

    def __init__(self, root: Path, syncing: bool = True) -> None:
        self.root, self.syncing = root, syncing
        self.top = Folder()
        self.early: list[str] = []
        """Names that appeared before the content of their file was synced."""
        self._staged: dict[int, File] = {}
        self._told: Callable[[], Any] = lambda: None

    @contextlib.contextmanager
    def following(self, told: Callable[[], Any]) -> Iterator[None]:
        """Follow what is done; ``told`` is called after each step that changes what a power loss would leave."""
        self._told = told
        with contextlib.ExitStack() as stack:
            for name in ("fsync", "link", "replace", "unlink", "mkdir", "rmdir"):
                stack.enter_context(
                    patch.object(os, name, self._followed(getattr(os, name), getattr(self, f"_{name}")))
                )
            yield

    def left(self) -> dict[str, bytes]:
        """Files that a power loss at this moment leaves, by their path under the root."""
        return dict(_synced(self.top, ""))

    def _followed(self, real: Callable[..., Any], note: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **more: Any) -> Any:
            note_after = note(*arguments, **more)
            result = real(*arguments, **more)
            if note_after is not None:
                note_after()
            return result

        return call

    def _at(self, path: Any) -> tuple[Folder, str] | None:
        """The folder of a path under the root, and the name in it."""
        parts = Path(os.path.relpath(path, self.root)).parts
        if not parts or parts[0] == "..":
            return None
        folder = self.top
        for part in parts[:-1]:
            found = folder.names.setdefault(part, Folder())
            assert isinstance(found, Folder), path
            folder = found
        return folder, parts[-1]

    def _fsync(self, handle: int) -> Callable[[], None] | None:
        path = str(Path(f"/proc/self/fd/{handle}").readlink())
        if not self.syncing or not Path(path).is_relative_to(self.root):
            return None
        status = os.fstat(handle)
        if not stat.S_ISDIR(status.st_mode):
            file = self._staged.setdefault(status.st_ino, File())
            file.synced = os.pread(handle, status.st_size, 0)
            return None
        at = self._at(path) if path != str(self.root) else None
        node = self.top if at is None else at[0].names.setdefault(at[1], Folder())
        assert isinstance(node, Folder)

        def done() -> None:
            if node.synced != node.names:
                node.synced = dict(node.names)
                self._told()

        return done

    def _replace(self, source: Any, target: Any, **_: Any) -> Callable[[], None] | None:
        return self._named(source, target)

    def _link(self, source: Any, target: Any, **_: Any) -> Callable[[], None] | None:
        return self._named(source, target)

    def _named(self, source: Any, target: Any) -> Callable[[], None] | None:
        at = self._at(target)
        if at is None:
            return None
        inode = Path(source).stat().st_ino
        file = self._staged.setdefault(inode, File())
        if file.synced != Path(source).read_bytes():
            self.early.append(str(target))

        def done() -> None:
            at[0].names[at[1]] = file

        return done

    def _unlink(self, path: Any, *, dir_fd: int | None = None) -> Callable[[], None] | None:
        whole = path if dir_fd is None else Path(f"/proc/self/fd/{dir_fd}").readlink() / path
        at = self._at(whole)
        if at is None:
            return None

        def done() -> None:
            at[0].names.pop(at[1], None)

        return done

    def _rmdir(self, path: Any, *, dir_fd: int | None = None) -> Callable[[], None] | None:
        return self._unlink(path, dir_fd=dir_fd)

    def _mkdir(self, path: Any, *_: Any, **__: Any) -> Callable[[], None] | None:
        at = self._at(path)

        def done() -> None:
            if at is not None:
                at[0].names[at[1]] = Folder()

        return done


def _synced(folder: Folder, at: str) -> Iterator[tuple[str, bytes]]:
    for name, node in folder.synced.items():
        if isinstance(node, Folder):
            yield from _synced(node, f"{at}{name}/")
        else:
            yield f"{at}{name}", node.synced or b""
