"""`bundle` and `merge`: packed runs come back byte for byte, and the commands say so."""

from __future__ import annotations

import functools
import io
import shutil
import sys
import tarfile
from pathlib import Path

import pytest
import safetensors.torch
import torch

from harness.cli import app
from harness.errors import InputError
from harness.integrity import bundle as bundle_module
from harness.integrity.bundle import RefusedError, pack
from harness.integrity.check import check
from harness.integrity.merge import merge
from harness.runs import store
from harness.training.runner import weights_sha256
from tests.helpers.stored_runs import FAILED_RUN, RUN, STORED, contents, edit

pytestmark = pytest.mark.usefixtures("full_network_in_module")  # as the stored runs have


def test_packed_runs_are_merged_byte_for_byte(bundle: Path, results: Path) -> None:
    merged = merge(bundle, results)
    stored = {k: v for k, v in contents(STORED).items() if "/seed-" in k}
    assert contents(results) == stored
    assert f"{FAILED_RUN}/{store.FILE}" in stored
    assert merged.present == []
    assert merged.added == sorted({name.rpartition("/")[0] for name in stored})
    assert check(results) == (len(merged.added), [])
    again = merge(bundle, results)
    assert (again.added, again.present) == ([], merged.added)
    assert pack(results)[0] == bundle.read_bytes()


def test_the_same_runs_give_the_same_bytes_whatever_else_is_there(
    packed: bytes, tmp_path: Path
) -> None:
    copy = tmp_path / "other"
    for name, content in sorted(contents(STORED).items(), reverse=True):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_bytes(content)
        (copy / name).chmod(0o600)
    (copy / RUN / "samples.png").write_bytes(b"images")
    (copy / RUN / "checkpoints").mkdir()
    (copy / RUN / "checkpoints/epoch-00001.pt").write_bytes(b"state")
    (copy / "digits/1-epochs-fp32/paper/seed-9").mkdir()  # has not ended
    (copy / FAILED_RUN / store.PREDICTIONS).write_text("of an attempt before\n")
    assert pack(copy)[0] == packed


def test_runs_of_two_types_of_device_lie_in_two_folders_and_two_bundles(
    source: Path, tmp_path: Path
) -> None:
    count, _ = check(source)
    second = source / "gpu"
    shutil.copytree(STORED / "digits", second / "digits")
    for number, path in enumerate(store.find(second)):
        record = store.load(path)
        on_gpu = {"device_type": "cuda", "execution": "CUDA graph"}
        environment = record.environment.model_copy(update=on_gpu)
        weights = record.weights_sha256 and f"{number:064x}"
        changed = record.model_copy(update={"environment": environment, "weights_sha256": weights})
        path.write_bytes(store.to_bytes(changed))
    both, breaches = check(source)
    assert both > count
    assert not breaches
    with pytest.raises(InputError, match=r"two types of device have a run .*/cifar10\.$"):
        pack(source)
    bundle = tmp_path / "gpu.tar"
    bundle.write_bytes(pack(second)[0])
    at_home = Path(shutil.copytree(STORED, tmp_path / "home"))
    merge(bundle, at_home / "gpu")
    assert check(at_home) == (both, [])


def test_a_record_that_is_replaced_while_it_is_checked_is_not_bundled(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def check_and_replace(results: Path, local_dataset: object) -> object:
        checked = check(results)
        edit(source / RUN, lambda fields: fields.update(train_seconds=1.0))
        return checked

    monkeypatch.setattr(bundle_module, "check", check_and_replace)
    with pytest.raises(InputError, match="ended or was removed meanwhile"):
        pack(source)


def test_weights_are_checked_and_stay(source: Path) -> None:
    weights = {"layer": torch.arange(3.0)}
    (source / RUN / store.WEIGHTS).write_bytes(safetensors.torch.save(weights))
    with pytest.raises(RefusedError) as refused:
        pack(source)
    (fault,) = refused.value.faults
    assert fault.startswith(f"{RUN}/record.json: hashes match: weights_sha256")
    edit(source / RUN, lambda f: f.update(weights_sha256=weights_sha256(weights)))
    with tarfile.open(fileobj=io.BytesIO(pack(source)[0])) as tar:
        assert {name.rpartition("/")[2] for name in tar.getnames()} == {
            store.FILE,
            store.PREDICTIONS,
        }


def command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> tuple[int, str, str]:
    """Run a command in this process; return its exit status, output and errors."""
    monkeypatch.setattr(sys, "argv", ["harness", *arguments])
    with pytest.raises(SystemExit) as end:
        app.main()
    printed = capsys.readouterr()
    return int(end.value.code or 0), printed.out, printed.err


def test_commands_say_what_happened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    run = functools.partial(command, monkeypatch, capsys)
    status, out, err = run("bundle", "runs.tar", "--results", str(STORED))
    assert (status, out, err) == (
        0,
        f"6 runs in runs.tar ({Path('runs.tar').stat().st_size:,} bytes)\n",
        "",
    )
    status, out, _ = run("merge", "runs.tar")
    assert status == 0
    assert f"added: {RUN}\n" in out
    assert out.endswith("6 runs added, 0 already present\n")
    edit(Path("results") / RUN, lambda f: f.update(weights_sha256="ab" * 32))
    status, out, err = run("merge", "runs.tar")
    assert (status, out) == (2, "")
    assert err.startswith(f"{RUN}: conflict: weights_sha256 was abab")
    assert err.count("\n") == 2
    status, out, err = run("merge", "missing.tar")
    assert (status, err.count("\n")) == (2, 1)
    assert "missing.tar cannot be read" in err
    status, out, err = run("bundle", "none.tar", "--results", "nowhere")
    assert (status, err.count("\n")) == (2, 1)
    assert not Path("none.tar").exists()
