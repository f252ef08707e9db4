"""The command line: `hexiao …`. It names the ASGI application by import string and imports nothing above core."""

from __future__ import annotations

from core.cli.app import main

__all__ = ["main"]
