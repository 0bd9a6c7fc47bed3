"""Make the vectors of leaves: `data_hex` is the leaf, `leaf_hash` its hash in the tree, `at` its time."""

from collections.abc import Iterator

from vectorfiles import Case, bad, valid, write

from hansa.transparency import ENTRY_TYPE, Leaf, SigningKey, encode, hash_leaf, parse, sign_envelope

AT = 1_795_431_600  # 2026-11-23T11:00:00Z


def cases() -> Iterator[Case]:
    alice = SigningKey.from_seed(b"\x01" * 32)
    envelope = sign_envelope(ENTRY_TYPE, encode({"say": "hello"}), [alice])
    good = Leaf(AT, envelope).encode()

    def describe(data: bytes, at: int) -> dict[str, object]:
        return {"data_hex": data.hex(), "leaf_hash": hash_leaf(data).hex(), "at": at, "entry_id": envelope.id}

    yield valid("hello", "an entry with one signature", **describe(good, AT))
    yield valid("first-second", "the earliest time", **describe(Leaf(0, envelope).encode(), 0))
    last = 253_402_300_799
    yield valid("last-second", "the latest time", **describe(Leaf(last, envelope).encode(), last))
    leap_day = 1_709_164_800
    yield valid(
        "leap-day", "the 29th of February 2024", **describe(Leaf(leap_day, envelope).encode(), leap_day)
    )

    def spoil(rule: str, name: str, what: str, **fields: object) -> Case:
        value = parse(good)
        assert isinstance(value, dict)
        value.update(fields)  # type: ignore[arg-type]
        return bad(rule, name, what, data_hex=encode(value).hex())

    yield bad("leaf.form", "array", "not an object", data_hex=b"[]".hex())
    yield bad("leaf.form", "no-time", "no `at`", data_hex=encode({"entry": envelope.to_json()}).hex())
    yield spoil("leaf.form", "unknown-field", "a field that leaves do not have", index=0)
    yield spoil("leaf.form", "time-as-number", "the time in seconds", at=AT)
    yield spoil("envelope.form", "entry-as-text", "the entry is a text", entry="hello")
    for name, what, text in [
        ("fraction", "a fraction of a second", "2026-11-23T11:00:00.0Z"),
        ("offset", "an offset", "2026-11-23T11:00:00+00:00"),
        ("lower-case", "lower case", "2026-11-23t11:00:00z"),
        ("space", "a space for the T", "2026-11-23 11:00:00Z"),
        ("leap-second", "a leap second", "2016-12-31T23:59:60Z"),
        ("hour-24", "midnight as hour 24", "2026-11-23T24:00:00Z"),
        ("no-such-day", "the 30th of February", "2026-02-30T00:00:00Z"),
        ("no-leap-day", "the 29th of February 2026", "2026-02-29T00:00:00Z"),
        ("day-0", "day 0", "2026-11-00T00:00:00Z"),
        ("before-1970", "a time before 1970", "1969-12-31T23:59:59Z"),
        ("year-0", "year 0", "0000-01-01T00:00:00Z"),
        ("arabic-digits", "digits of another script", "٢٠٢٦-11-23T11:00:00Z"),
        ("newline", "a newline at the end", "2026-11-23T11:00:00Z\n"),
    ]:
        yield spoil("instant.form", f"time-{name}", what, at=text)
    yield bad("canonical-json.not-canonical", "space", "a space", data_hex=good.replace(b":", b": ", 1).hex())
    yield bad(
        "canonical-json.duplicate-name",
        "two-times",
        "two times",
        data_hex=(b'{"at":"2026-11-23T11:00:00Z",' + good[1:]).hex(),
    )


if __name__ == "__main__":
    write("leaf", cases())
