"""What is remembered is bounded, and what is asked for stays."""

import pytest

from townsquare.store.memory import Memory


def test_it_is_never_larger_than_twice_its_size() -> None:
    memory: Memory[int, str] = Memory(100)
    for number in range(1000):
        memory.put(number, "x", size=number % 7)
        kept = [n for n in range(number + 1) if n in memory]
        assert sum(n % 7 for n in kept) <= 2 * (100 + 6)


def test_what_is_asked_for_stays_and_the_rest_goes() -> None:
    memory: Memory[int, str] = Memory(10)
    memory.put(0, "zero")
    memory.put(1, "one")
    for number in range(2, 100):
        assert memory.get(0) == "zero"
        memory.put(number, "x")
    assert memory.get(1) is None


def test_what_is_large_pushes_nothing_out() -> None:
    memory: Memory[str, bytes] = Memory(80)
    memory.put("small", b"s", size=1)
    assert memory.put("large", b"l" * 11, size=11) == b"l" * 11
    assert memory.get("large") is None
    assert memory.get("small") == b"s"


@pytest.mark.parametrize("size", [1, 11])
def test_what_was_known_before_is_gone_with_what_takes_its_place(size: int) -> None:
    memory: Memory[str, str] = Memory(80)
    memory.put("a", "old")
    memory.put("a", "new", size=size)
    assert memory.get("a") in ("new", None)
    memory.drop("a")
    assert memory.get("a") is None


def test_what_takes_the_place_of_something_takes_no_room_besides() -> None:
    memory: Memory[str, str] = Memory(10)
    memory.put("a", "x", size=1)
    for _ in range(100):
        memory.put("b", "y", size=1)
        memory.put("c", "z", size=1)
        memory.drop("c")
    assert memory.get("a") == "x"
