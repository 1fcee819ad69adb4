"""Archives in the official CIFAR-10 format, and a local web server for them."""

from __future__ import annotations

import gzip
import hashlib
import io
import pickle
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from torchvision.datasets import CIFAR10

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

TRAIN_FILES = tuple(f"data_batch_{i}" for i in range(1, 6))

Part = tuple[NDArray[np.uint8], NDArray[np.int64]]


@dataclass(frozen=True)
class Archive:
    """An archive and its contents.

    Attributes:
        train, test: images [N, 32, 32, 3] and labels [N].
        packed: bytes of the .tar.gz.
        md5: hash of each file in it, by name.
    """

    train: Part
    test: Part
    packed: bytes
    md5: dict[str, str]

    def install(self, patch: pytest.MonkeyPatch, url: str) -> None:
        """Make torchvision accept this archive, at this address, as the official one."""
        patch.setattr(CIFAR10, "url", url)
        patch.setattr(CIFAR10, "tgz_md5", md5(self.packed))
        patch.setattr(CIFAR10, "train_list", [[name, self.md5[name]] for name in TRAIN_FILES])
        patch.setattr(CIFAR10, "test_list", [["test_batch", self.md5["test_batch"]]])
        patch.setattr(CIFAR10, "meta", {**CIFAR10.meta, "md5": self.md5["batches.meta"]})


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def build_archive(train: Part, test: Part) -> Archive:
    """Pack images [N, 32, 32, 3] and labels [N] as the official archive does."""
    parts = zip(TRAIN_FILES, np.array_split(train[0], 5), np.array_split(train[1], 5), strict=True)
    members = {name: _batch(images, labels) for name, images, labels in parts}
    members["test_batch"] = _batch(*test)
    members["batches.meta"] = _pickled({"label_names": list(CLASSES), "num_vis": 3072})
    return Archive(train, test, pack(members), {name: md5(m) for name, m in members.items()})


def pack(members: dict[str, bytes]) -> bytes:
    """A .tar.gz with these files in cifar-10-batches-py/."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(f"{CIFAR10.base_folder}/{name}")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return gzip.compress(raw.getvalue(), compresslevel=1, mtime=0)


def _batch(images: NDArray[np.uint8], labels: NDArray[np.int64]) -> bytes:
    # Official rows hold the red plane, then the green, then the blue.
    rows = images.transpose(0, 3, 1, 2).reshape(len(images), 3072)
    return _pickled({"batch_label": "made", "labels": labels.tolist(), "data": rows})


def _pickled(content: dict[str, Any]) -> bytes:
    return pickle.dumps(content, protocol=2)


def synthetic_part(n: int, seed: int) -> Part:
    """Random images and labels; every class occurs."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (n, 32, 32, 3), dtype=np.uint8)
    return images, rng.permutation(np.arange(n) % 10)


def noise_archive() -> Archive:
    """An archive of 100 training and 20 test images."""
    return build_archive(synthetic_part(100, seed=1), synthetic_part(20, seed=2))


@dataclass
class ArchiveServer:
    """A web server on this machine.

    Attributes:
        root: its address, http://127.0.0.1:PORT.
        pages: what it serves, by path.
        manner: how a path is answered: "whole", "cut" (fewer bytes than announced),
            "cut chunks" (no last chunk) or "garbage" (not HTTP).
        asked: the paths asked for so far.
    """

    root: str
    pages: dict[str, bytes] = field(default_factory=dict)
    manner: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def offer(self, content: bytes, manner: str = "whole") -> str:
        """Serve `content` and return its address."""
        path = f"/{len(self.pages)}/cifar-10-python.tar.gz"
        self.pages[path] = content
        self.manner[path] = manner
        return self.root + path


@contextmanager
def archive_server() -> Iterator[ArchiveServer]:
    """Run a web server inside the block; it refuses connections afterwards."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            served.asked.append(self.path)
            self.close_connection = True
            if self.path not in served.pages:
                self.send_error(404)
                return
            content, manner = served.pages[self.path], served.manner[self.path]
            if manner == "garbage":
                self.wfile.write(b"no status line\r\n\r\n")
                return
            self.send_response(200)
            half = content[: len(content) // 2]
            if manner == "cut chunks":
                self.send_header("Transfer-Encoding", "chunked")
                content = b"%x\r\n%s\r\n" % (len(half), half)
            else:
                self.send_header("Content-Length", str(len(content)))
                content = half if manner == "cut" else content
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            pass  # torchvision asks twice and hangs up on the first answer

    server = Server(("127.0.0.1", 0), Handler)
    served = ArchiveServer(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
