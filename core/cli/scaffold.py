"""`hexiao channel new`: a package for a new channel that passes its own tests at once.

It is the example channel of this project under another name, so that the template is proved whenever the example is.
"""

from __future__ import annotations

import re
from pathlib import Path

from core.cli.sentences import WRONG_USE, CommandFailed

_NAME = re.compile(r"[a-z][a-z0-9]{1,20}")
_EXAMPLE = "kiosk"
_SKIPPED = frozenset({"__pycache__", ".pytest_cache", ".hypothesis"})


def write_package(name: str, parent: Path) -> Path:
    """Writes `channel-<name>` into `parent` and answers its folder. Raises CommandFailed."""
    if not _NAME.fullmatch(name):
        raise CommandFailed(
            f"{name!r} is no name for a channel: 2 to 21 lower-case letters and digits, a letter first",
            WRONG_USE,
        )
    folder = parent / f"channel-{name}"
    if folder.exists():
        raise CommandFailed(f"{folder} is there already; nothing was written", WRONG_USE)
    for source in _list_files(find_example()):
        target = folder / _rename(str(source.relative_to(find_example())), name)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(_rename(source.read_text("utf-8"), name), "utf-8")
    return folder


def find_example() -> Path:
    """The example channel: inside the installed package, or beside it in a checkout."""
    for folder in (
        Path(__file__).parent / "example",
        Path(__file__).parents[2] / "examples" / "channel-kiosk",
    ):
        if folder.is_dir():
            return folder
    raise CommandFailed("the example channel is missing from this installation")


def _list_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and not _SKIPPED & set(path.parts))


def _rename(text: str, name: str) -> str:
    for old, new in ((_EXAMPLE, name), (_EXAMPLE.title(), name.title()), (_EXAMPLE.upper(), name.upper())):
        text = text.replace(old, new)
    return text
