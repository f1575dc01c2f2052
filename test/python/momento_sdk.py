"""Every data operation of the published Python SDK: momento_sdk.py HOST PORT."""

import sys
import time
from datetime import timedelta

from momento import CacheClient, Configurations, CredentialProvider
from momento.errors import MomentoErrorCode
from momento.requests import SortOrder

host, port = sys.argv[1], int(sys.argv[2])
client = CacheClient.create(
    Configurations.Laptop.v1().with_client_timeout(timedelta(seconds=30)),
    CredentialProvider.for_momento_local(host, port),
    timedelta(seconds=60),
)
CACHE = "python"
checks = 0


def check(response, kind, **want):
    """Checks the type of a response, and the values of its attributes or methods."""
    global checks
    checks += 1
    got = type(response).__name__
    assert got == kind, f"got {got} {response}, want {kind}"
    for name, value in want.items():
        found = getattr(response, name)
        assert found == value, f"{name} is {found}, want {value}"
    return response


def fails(response, code):
    check(response, "Error", error_code=code)


def caches():
    check(client.create_cache(CACHE), "Success")
    check(client.create_cache(CACHE), "CacheAlreadyExists")
    names = [c.name for c in check(client.list_caches(), "Success").caches]
    assert CACHE in names, names
    check(client.set(CACHE, "k", "v"), "Success")
    check(client.flush_cache(CACHE), "Success")
    check(client.get(CACHE, "k"), "Miss")
    fails(client.delete_cache("no-such-cache"), MomentoErrorCode.NOT_FOUND_ERROR)


def scalars():
    check(client.get(CACHE, "k"), "Miss")
    check(client.set(CACHE, "k", "v"), "Success")
    check(client.get(CACHE, "k"), "Hit", value_string="v")
    check(client.set(CACHE, b"\x00\xff", b"\xff\x00"), "Success")
    check(client.get(CACHE, b"\x00\xff"), "Hit", value_bytes=b"\xff\x00")
    check(client.set_if_not_exists(CACHE, "k", "w"), "NotStored")
    check(client.delete(CACHE, "k"), "Success")
    check(client.set_if_not_exists(CACHE, "k", "w"), "Stored")
    check(client.increment(CACHE, "n", 5), "Success", value=5)
    check(client.increment(CACHE, "n", -7), "Success", value=-2)
    check(client.set(CACHE, "short", "v", timedelta(milliseconds=100)), "Success")
    time.sleep(0.11)
    check(client.get(CACHE, "short"), "Miss")


def dictionaries():
    check(client.dictionary_set_field(CACHE, "d", "a", "1"), "Success")
    check(client.dictionary_set_fields(CACHE, "d", {"b": "2", "c": ""}), "Success")
    check(client.dictionary_get_field(CACHE, "d", "a"), "Hit", value_string="1")
    check(client.dictionary_get_field(CACHE, "d", "x"), "Miss")
    check(client.dictionary_get_fields(CACHE, "d", ["b", "x"]), "Hit", value_dictionary_string_string={"b": "2"})
    check(client.dictionary_fetch(CACHE, "d"), "Hit", value_dictionary_string_string={"a": "1", "b": "2", "c": ""})
    check(client.dictionary_increment(CACHE, "d", "a", 41), "Success", value=42)
    check(client.dictionary_remove_fields(CACHE, "d", ["a", "b"]), "Success")
    check(client.dictionary_remove_field(CACHE, "d", "c"), "Success")
    check(client.dictionary_fetch(CACHE, "d"), "Miss")


def lists():
    check(client.list_push_back(CACHE, "l", "c"), "Success", list_length=1)
    check(client.list_push_front(CACHE, "l", "b"), "Success", list_length=2)
    check(client.list_concatenate_front(CACHE, "l", ["", "a"]), "Success", list_length=4)
    check(client.list_concatenate_back(CACHE, "l", ["d", "c"]), "Success", list_length=6)
    check(client.list_fetch(CACHE, "l"), "Hit", value_list_string=["", "a", "b", "c", "d", "c"])
    check(client.list_remove_value(CACHE, "l", "c"), "Success")
    check(client.list_length(CACHE, "l"), "Hit", length=4)
    check(client.list_pop_front(CACHE, "l"), "Hit", value_string="")
    check(client.list_pop_back(CACHE, "l"), "Hit", value_string="d")
    check(client.list_concatenate_back(CACHE, "l", ["x", "y"], truncate_front_to_size=2), "Success", list_length=2)
    check(client.list_fetch(CACHE, "l"), "Hit", value_list_string=["x", "y"])
    check(client.list_fetch(CACHE, "none"), "Miss")
    check(client.list_pop_back(CACHE, "none"), "Miss")


def sets():
    check(client.set_add_element(CACHE, "s", "a"), "Success")
    check(client.set_add_elements(CACHE, "s", ["a", "b", ""]), "Success")
    check(client.set_fetch(CACHE, "s"), "Hit", value_set_string={"a", "b", ""})
    check(client.set_remove_element(CACHE, "s", "a"), "Success")
    check(client.set_remove_elements(CACHE, "s", ["b", ""]), "Success")
    check(client.set_fetch(CACHE, "s"), "Miss")


def sorted_sets():
    check(client.sorted_set_put_element(CACHE, "z", "b", 2.0), "Success")
    check(client.sorted_set_put_elements(CACHE, "z", {"a": 1.5, "c": 2.0, "d": -4.0}), "Success")
    up = [("d", -4.0), ("a", 1.5), ("b", 2.0), ("c", 2.0)]
    check(client.sorted_set_fetch_by_rank(CACHE, "z"), "Hit", value_list_string=up)
    down = client.sorted_set_fetch_by_rank(CACHE, "z", 1, 3, SortOrder.DESCENDING)
    check(down, "Hit", value_list_string=[("b", 2.0), ("a", 1.5)])
    check(client.sorted_set_fetch_by_score(CACHE, "z", 1.5, 2.0), "Hit", value_list_string=up[1:])
    check(client.sorted_set_fetch_by_score(CACHE, "z", 100.0), "Hit", value_list_string=[])
    check(client.sorted_set_get_score(CACHE, "z", "a"), "Hit", score=1.5)
    check(client.sorted_set_get_score(CACHE, "z", "x"), "Miss")
    check(client.sorted_set_get_scores(CACHE, "z", ["a", "x"]), "Hit")
    check(client.sorted_set_get_rank(CACHE, "z", "a"), "Hit", rank=1)
    check(client.sorted_set_get_rank(CACHE, "z", "a", SortOrder.DESCENDING), "Hit", rank=2)
    check(client.sorted_set_increment_score(CACHE, "z", "a", 0.25), "Success", score=1.75)
    check(client.sorted_set_remove_element(CACHE, "z", "a"), "Success")
    check(client.sorted_set_remove_elements(CACHE, "z", ["b", "c", "d"]), "Success")
    check(client.sorted_set_fetch_by_rank(CACHE, "z"), "Miss")


def errors():
    fails(client.get("no-such-cache", "k"), MomentoErrorCode.NOT_FOUND_ERROR)
    check(client.set(CACHE, "text", "abc"), "Success")
    fails(client.increment(CACHE, "text"), MomentoErrorCode.FAILED_PRECONDITION_ERROR)
    fails(client.list_push_back(CACHE, "text", "x"), MomentoErrorCode.FAILED_PRECONDITION_ERROR)
    check(client.get(CACHE, "text"), "Hit", value_string="abc")
    check(client.set(CACHE, "large", b"x" * 5_000_000), "Success")
    assert len(check(client.get(CACHE, "large"), "Hit").value_bytes) == 5_000_000


caches()
scalars()
dictionaries()
lists()
sets()
sorted_sets()
errors()
check(client.delete_cache(CACHE), "Success")
print(checks, "checks")
