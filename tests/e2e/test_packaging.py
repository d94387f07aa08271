"""What we publish installs into an empty environment and works there: the wheel, and the sdist built into a wheel."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

from tests.architecture.rules import ROOT

pytest.importorskip("build")
pytest.importorskip("scikit_build_core")
pytest.importorskip("nanobind")

_TRY_IT = """
import sys
import numpy as np
import motherlode
assert "site-packages" in motherlode.__file__, motherlode.__file__
rng = np.random.default_rng(0)
vectors = rng.standard_normal((60, 16)).astype(np.float32)
offsets = np.arange(0, 61, 6)
index = motherlode.build_index(sys.argv[1], vectors, offsets, ids=[f"d{i}" for i in range(10)])
hits = motherlode.open_index(sys.argv[1]).search(vectors[18:24], k=3)
assert hits.ids[0] == "d3", hits.ids
assert motherlode.exact_search(vectors, offsets, vectors[18:24], k=1).positions.tolist() == [3]
try:
    motherlode.load_encoder("minilm").encode_documents(["where is the model?"])
except motherlode.UnsupportedError as error:
    assert "motherlode[encode]" in str(error), error
else:
    raise AssertionError("the encoder loaded without its extra")
"""


def _build(kind: str, source: Path, out: Path) -> Path:
    """An sdist or wheel, with the build tools of this environment (no download)."""
    command = [sys.executable, "-m", "build", "--no-isolation", f"--{kind}", "--outdir", str(out), str(source)]
    if kind == "wheel":
        command.append("-Cbuild-dir=build/packaging")  # beside the editable build, not on top of it
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PATH": path}, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    (made,) = out.glob("*.whl" if kind == "wheel" else "*.tar.gz")
    return made


def _works_in_an_empty_environment(package: Path, folder: Path) -> None:
    venv.create(folder / "env", with_pip=True)
    python = folder / "env" / ("Scripts" if os.name == "nt" else "bin") / "python"
    install: list[str | Path] = [
        python,
        "-m",
        "pip",
        "install",
        "-q",
        "--disable-pip-version-check",
        "-c",
        ROOT / "constraints.txt",
        package,
    ]
    done = subprocess.run(install, capture_output=True, text=True, cwd=folder, check=False)
    if done.returncode and any(
        word in done.stderr for word in ("NewConnectionError", "Temporary failure", "ConnectTimeout")
    ):
        pytest.skip("no package index within reach to install numpy, rich and typer from")
    assert done.returncode == 0, done.stderr[-4000:]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    commands: list[list[str | Path]] = [
        [python, "-c", _TRY_IT, folder / "index"],
        [python.with_name("lode"), "--version"],
    ]
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    listed = subprocess.run([python, "-m", "pip", "list"], capture_output=True, text=True, check=True).stdout
    assert "torch" not in listed
    assert "onnxruntime" not in listed


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _build("wheel", ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _build("sdist", ROOT, tmp_path_factory.mktemp("sdist"))


@pytest.mark.timeout(900)
def test_the_wheel_works_in_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    _works_in_an_empty_environment(wheel, tmp_path)


@pytest.mark.timeout(900)
def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0].split("-")[0] for name in names} == {"motherlode"}
    assert any(name.startswith("motherlode/_native.") and name.endswith((".so", ".pyd")) for name in names)
    assert {"motherlode/py.typed", "motherlode/__init__.pyi", "motherlode/_native.pyi"} <= set(names)
    licences = {Path(name).name for name in names if "/licenses/" in name}
    assert licences == {"LICENSE", "THIRD_PARTY.md"}
    assert sum(item.file_size for item in zipfile.ZipFile(wheel).infolist()) < 20e6


@pytest.mark.timeout(900)
def test_the_sdist_has_what_a_build_and_the_tests_need_and_no_results(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"CMakeLists.txt", "pyproject.toml", "LICENSE", "README.md", "native/kernels/kernels.h"} <= names
    assert [name for name in names if name.startswith(("bench/", "build/", ".venv", "demo-index"))] == []
    assert [name for name in names if name.endswith((".so", ".pyc"))] == []


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_the_sdist_builds_and_works_in_an_empty_environment(sdist: Path, tmp_path: Path) -> None:
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path / "source", filter="data")
    (source,) = (tmp_path / "source").iterdir()
    _works_in_an_empty_environment(_build("wheel", source, tmp_path / "wheel"), tmp_path)
