"""Hands notebooks to JupyterLab such that opening one does not change it.

The stored notebooks say of their language only that it is Python: the version would differ between machines. JupyterLab
adds what the kernel says, and the notebook counts as changed as soon as it is open. So this contents manager adds the
same before JupyterLab does, and leaves it out when the notebook is saved.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager

STORED = {"name": "python"}


@cache
def language_of_kernel() -> dict[str, Any]:
    """Return what the kernel of this environment says about its language."""
    from ipykernel.ipkernel import IPythonKernel

    return dict(IPythonKernel.language_info)


class NotebookFiles(AsyncLargeFileManager):
    """The files of the course, as JupyterLab reads and writes them."""

    async def get(self, path: str, content: bool = True, *options: Any, **more: Any) -> dict[str, Any]:
        """Return a file or a folder; a notebook with what the kernel will say about its language."""
        model: dict[str, Any] = await super().get(path, content, *options, **more)  # type: ignore[no-untyped-call]
        if content and model["type"] == "notebook":
            metadata = model["content"]["metadata"]
            if metadata.get("language_info") == STORED:
                metadata["language_info"] = language_of_kernel()
        return model

    async def save(self, model: dict[str, Any], path: str = "") -> dict[str, Any]:
        """Store a file; a notebook without what only this machine's kernel says about its language."""
        if model.get("type") == "notebook" and model.get("content"):
            metadata = model["content"].get("metadata", {})
            if metadata.get("language_info") == language_of_kernel():
                metadata["language_info"] = dict(STORED)
        saved: dict[str, Any] = await super().save(model, path)  # type: ignore[no-untyped-call]
        return saved
