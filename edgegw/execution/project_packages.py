"""The project's own virtual environment: what is importable here beside the package of a function.

On AWS only the package, its layers and the runtime are there; `check --deploy` says what comes from
the project. An environment of another Python version is no use, as its packages may be compiled for
that one; which it was is part of the error of a module that is missing then.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from edgegw.values import value


@value
class ProjectPackages:
    """`folders` with packages for a Python version; `passed_over` are folders for other ones."""

    folders: tuple[str, ...] = ()
    passed_over: tuple[str, ...] = ()


def project_packages(task_root: str, version: tuple[int, ...]) -> ProjectPackages:
    """The packages of the virtual environment nearest to the code that fits `version`.

    Looked for as `.venv` or `venv` beside the code, upwards to the folder with `.git` or the home
    folder.
    """
    name = "python" + ".".join(map(str, version[:2]))
    passed_over: list[str] = []
    for venv in _virtual_environments(Path(task_root)):
        packages = venv / "lib" / name / "site-packages"
        if packages.is_dir():
            return ProjectPackages((str(packages),))
        passed_over += [str(folder.parent) for folder in venv.glob("lib/python3.*/site-packages")]
    return ProjectPackages((), tuple(passed_over))


def _virtual_environments(code: Path) -> Iterator[Path]:
    home = Path.home()
    for folder in (code, *code.parents):
        for name in (".venv", "venv"):
            if (folder / name).is_dir():
                yield folder / name
        if folder == home or (folder / ".git").exists():
            return
