"""Packs the emulated machine's only files, /init and /tests, into a cpio archive: initrd.py INIT TESTS OUT."""

from __future__ import annotations

import sys
from itertools import count
from pathlib import Path

_inode = count(1)


def entry(name: str, mode: int, data: bytes = b"", device: tuple[int, int] = (0, 0)) -> bytes:
    """One member in the kernel's "newc" layout: header, name and data, each padded to four bytes."""
    path = name.encode() + b"\0"
    fields = (next(_inode), mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(path), 0)
    head = b"070701" + b"".join(b"%08X" % value for value in fields) + path
    return head + b"\0" * (-len(head) % 4) + data + b"\0" * (-len(data) % 4)


def main(init: str, tests: str, out: str) -> None:
    members = [entry(folder, 0o040755) for folder in ("dev", "proc", "tmp")]
    members.append(entry("dev/console", 0o020600, device=(5, 1)))
    members += [entry("init", 0o100755, Path(init).read_bytes()), entry("tests", 0o100755, Path(tests).read_bytes())]
    Path(out).write_bytes(b"".join(members) + entry("TRAILER!!!", 0))


if __name__ == "__main__":
    main(*sys.argv[1:4])
