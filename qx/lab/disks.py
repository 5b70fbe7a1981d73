"""A disk of limited size for each node, so that it can be filled: a tmpfs mounted at the node's directory.

It takes the right to mount, which root has outside of most containers; without it, QX-LAB-006 says so.
"""

from __future__ import annotations

import errno
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from qx.kernel.errors import QxError

if TYPE_CHECKING:
    from qx.lab.layout import NodeLayout

FILLER = "filler"
MOUNTS = Path("/proc/self/mounts")
CHUNK = b"\0" * 65536


def mount(directory: Path, size: int) -> None:
    """A new disk of `size` bytes at `directory`, which is made."""
    directory.mkdir(parents=True, exist_ok=True)
    argv = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0755", "qx-lab", str(directory)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise QxError(
            "QX-LAB-006",
            f"no disk of limited size can be mounted here: {done.stderr.strip()}",
            hint="start the lab as root on a machine that allows mounts, or leave --disk out",
        )


def unmount_below(directory: Path) -> None:
    """Every disk mounted at or below `directory`, the deepest first."""
    for point in sorted(mounted_below(directory), reverse=True):
        subprocess.run(["umount", str(point)], capture_output=True, text=True, check=True)


def fill(node: NodeLayout) -> None:
    """Not a byte is left on the node's disk."""
    if node.directory not in mounted_below(node.directory):
        raise QxError(
            "QX-LAB-006",
            f"{node.name} shares the machine's disk, which is not to be filled",
            hint="start the lab with a disk for each node: `qx lab up --disk 512MiB` (as root)",
        )
    with (node.directory / FILLER).open("ab", buffering=0) as filler:
        for piece in (CHUNK, CHUNK[:1]):  # coarse, then to the last byte
            try:
                while filler.write(piece):
                    pass
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise


def free(node: NodeLayout) -> bool:
    """Whether there was something to free."""
    filler = node.directory / FILLER
    filled = filler.exists()
    filler.unlink(missing_ok=True)
    return filled


def mounted_below(directory: Path) -> list[Path]:
    points = (line.split()[1] for line in MOUNTS.read_text().splitlines())
    paths = (Path(point.encode().decode("unicode_escape").encode("latin-1").decode()) for point in points)
    return [path for path in paths if path.is_relative_to(directory)]
