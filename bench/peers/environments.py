"""Each peer's own environment, made in the cache when first asked for.

python bench/peers/environments.py [NAME ...]
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.workloads.cache import cache_dir

SMALL = ("tachiom", "faiss", "exact", "nuggetindex", "networkx", "rustworkx", "sqlite")
# These bring a torch of their own, gigabytes of it: made only when asked for by name.
LARGE = ("fast_plaid", "xtr_warp")


class NoEnvironmentError(Exception):
    """A peer whose environment nobody made."""


def python_of(name: str, *, make_large: bool = False) -> Path:
    """The interpreter that runs a system; a small environment is made if needed."""
    if name == "motherlode":
        return Path(sys.executable)
    folder = cache_dir() / "peers" / name
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        if name in LARGE and not make_large:
            raise NoEnvironmentError(f"no environment: make it with python bench/peers/environments.py {name}")
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        _install(python, Path(__file__).resolve().parent / name / "requirements.txt", folder)
        (folder / "ready").touch()
    return python


def _install(python: Path, requirements: Path, folder: Path) -> None:
    lines = [line.strip() for line in requirements.read_text().splitlines() if line.strip() and line[0] != "#"]
    wheels = [line for line in lines if line.startswith("tachiom==")]
    usual = [part for line in lines if line not in wheels for part in line.split()]
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "-q"]
    # An index that cannot be reached from here is asked for every package: once again is enough.
    subprocess.run([*pip, "install", "--retries", "1", *usual], check=True)
    for wheel in wheels:
        _unpack_wheel(pip, python, wheel, folder)


def _unpack_wheel(pip: list[str], python: Path, wheel: str, folder: Path) -> None:
    """Install a wheel whose platform tag is newer than this system's glibc."""
    version = f"{sys.version_info.major}{sys.version_info.minor}"
    tags = ["--platform", "manylinux_2_39_x86_64", "--python-version", version, "--only-binary=:all:"]
    subprocess.run([*pip, "download", "--no-deps", *tags, "-d", str(folder), wheel], check=True)
    purelib = "import sysconfig; print(sysconfig.get_path('purelib'))"
    target = subprocess.run([str(python), "-c", purelib], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    (downloaded,) = folder.glob("*.whl")
    subprocess.run([str(python), "-m", "zipfile", "-e", str(downloaded), target], check=True)


if __name__ == "__main__":
    for peer in sys.argv[1:] or SMALL:
        print(peer, python_of(peer, make_large=True))
