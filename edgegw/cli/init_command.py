"""`edgegw init`: a small working project to start from."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from edgegw.errors import EnvironmentProblem, UsageError

_FILES: Final = Path(__file__).parent / "init_files"


@click.command()
@click.argument("folder", default=".", metavar="[DIR]", type=click.Path(path_type=Path))
@click.option(
    "--language",
    type=click.Choice(["python", "node"]),
    default="python",
    show_default=True,
    help="What the hook is written in.",
)
def init(folder: Path, *, language: str) -> None:
    """Write a small working project to DIR: configuration, one hook, one test that passes.

    Nothing is overwritten.

    Example: edgegw init my-site && cd my-site && pytest
    """
    files = _project(language)
    there = [name for name in files if (folder / name).exists()]
    if there:
        raise UsageError(f"{', '.join(there)} exists in {folder}: choose another folder")
    for name, content in files.items():
        path = folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
        except OSError as error:
            raise EnvironmentProblem(f"{path} cannot be written: {error.strerror}") from None
        click.echo(f"wrote  {path}")
    here = "" if folder == Path() else f"cd {folder} && "
    click.echo(f"\ntry    {here}pytest\n       {here}edgegw serve")


def _project(language: str) -> dict[str, str]:
    """The files of a new project, by name."""
    top = _FILES / language
    found = {
        str(each.relative_to(top)): each.read_text(encoding="utf-8")
        for each in sorted(top.rglob("*"))
        if each.is_file() and each.suffix != ".pyc"
    }
    found["test_hook.py"] = (_FILES / "test_hook.py").read_text(encoding="utf-8")
    found[".gitignore"] = (_FILES / "gitignore").read_text(encoding="utf-8")
    return found
