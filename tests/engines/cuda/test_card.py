"""What a card's engine says where it cannot run: told apart by what the runtime and the wheels answer."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from kernelgen.engines.cuda import card
from kernelgen.engines.cuda.card import Card, version_text
from kernelgen.errors import UsageError


class CUDARuntimeError(RuntimeError):
    """As CuPy's."""

    def __init__(self, status: int) -> None:
        super().__init__(f"status {status}")
        self.status = status


class Array:
    """What stands for cupy.ndarray; it says that it lies on device 1."""

    device = SimpleNamespace(id=1)


def card_with(*, status: int = 0, count: int = 1, driver: int = 12090, missing: str = "") -> Card:
    """A card on a runtime that answers so."""

    def count_devices() -> int:
        if status:
            raise CUDARuntimeError(status)
        return count

    class Libraries(SimpleNamespace):
        def __getattr__(self, name: str) -> Any:
            if name == missing:
                raise ImportError(f"lib{name}.so.12: cannot open shared object file\nmore")
            if name in ("cublas", "cusolver", "nvrtc"):
                return SimpleNamespace()
            raise AttributeError(name)

    runtime = SimpleNamespace(
        getDeviceCount=count_devices,
        driverGetVersion=lambda: driver,
        runtimeGetVersion=lambda: 13000,
        CUDARuntimeError=CUDARuntimeError,
    )
    found = Card()
    found.__dict__["xp"] = SimpleNamespace(
        ndarray=Array, cuda=Libraries(runtime=runtime, Device=lambda: SimpleNamespace(id=0))
    )
    return found


@pytest.fixture(autouse=True)
def one_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(card, "installed_wheels", lambda: ["cupy-cuda12x"])


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ({"status": 35, "driver": 0}, r"no NVIDIA driver is loaded"),
        ({"status": 35, "driver": 11080}, r"supports CUDA 11\.8, too old for a CuPy built with CUDA 13\.0"),
        ({"status": 100}, r"shows no CUDA device"),
        ({"count": 0}, r"shows no CUDA device"),
        ({"status": 999}, r"the CUDA runtime answers: status 999"),
        ({"missing": "cusolver"}, r"libcusolver is missing \(libcusolver.so.12: .*kernelgen\[cuda12\]"),
    ],
)
def test_the_reason_names_what_to_do(answers: dict, reason: str) -> None:
    assert card_with(**answers).unavailable() is not None
    with pytest.raises(AssertionError, match=reason):
        raise AssertionError(card_with(**answers).unavailable())


def test_a_card_that_answers_is_available() -> None:
    assert card_with().unavailable() is None


def test_two_wheels_at_once_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(card, "installed_wheels", lambda: ["cupy-cuda12x", "cupy-cuda13x"])
    reason = card_with().unavailable()
    assert reason is not None
    assert "cupy-cuda12x and cupy-cuda13x are installed at once" in reason
    assert "pip uninstall cupy-cuda12x cupy-cuda13x" in reason


def test_installed_wheels_are_read_from_metadata(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()

    def version(name: str) -> str:
        if name == "cupy-cuda13x":
            return "14.0"
        raise card.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(card.metadata, "version", version)
    assert card.installed_wheels() == ["cupy-cuda13x"]


def test_an_array_on_another_device_is_refused() -> None:
    elsewhere = Array()
    for move in (card_with().upload, card_with().fetch):
        with pytest.raises(UsageError, match=r"lies on CUDA device 1, the current device is 0"):
            move(elsewhere)


def test_an_array_of_another_library_is_refused() -> None:
    with pytest.raises(UsageError, match=r"is not a CuPy array: pass cupy.asarray"):
        card_with().fetch(SimpleNamespace())


def test_versions_are_read_as_people_write_them() -> None:
    assert version_text(12090) == "12.9"
    assert version_text(130100, cublas=True) == "13.1.0"


def test_without_a_driver_cupy_itself_gives_a_reason() -> None:
    pytest.importorskip("cupy", reason='needs cupy: pip install ".[test-cuda]"')
    reason = Card().unavailable()
    if reason is None:
        pytest.skip("tests what is said where there is no NVIDIA card, and there is one")
    assert "driver" in reason
