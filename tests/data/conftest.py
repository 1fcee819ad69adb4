"""A noise archive in the official format, and a server for it on this machine."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from tests.helpers import cifar_archives as archives
from tests.helpers.cifar_archives import Archive, ArchiveServer
from tests.helpers.cifar_folders import ARCHIVE_NAME


@pytest.fixture
def only_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep tests from reaching another machine, even through a proxy."""
    ask = socket.getaddrinfo

    def guarded(host: str, *args: object, **kwargs: object) -> object:
        assert host == "127.0.0.1", f"a test asked for {host}"
        return ask(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", guarded)
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture(scope="module")
def noise_archive() -> Archive:
    return archives.noise_archive()


@pytest.fixture
def site() -> Iterator[ArchiveServer]:
    with archives.archive_server() as served:
        yield served


@pytest.fixture
def dead_url() -> str:
    """A local address without a server."""
    with archives.archive_server() as served:
        return f"{served.root}/{ARCHIVE_NAME}"


@pytest.fixture
def official(
    noise_archive: Archive, site: ArchiveServer, monkeypatch: pytest.MonkeyPatch
) -> Archive:
    """A noise archive that torchvision takes for the official one, served at its address."""
    noise_archive.install(monkeypatch, site.offer(noise_archive.packed))
    return noise_archive
