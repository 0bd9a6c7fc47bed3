"""Make the vectors of keys: `public_hex`, and for valid ones `seed_hex`, `message_hex`, `signature_hex`."""

from collections.abc import Iterator

from vectorfiles import Case, bad, valid, write

RFC = "RFC 8032 section 7.1"

# Seed, public key, message, signature.
SIGNED = {
    "rfc8032-test-1": (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
            "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        ),
    ),
    "rfc8032-test-2": (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        ),
    ),
    "rfc8032-test-3": (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        (
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
            "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
        ),
    ),
    "rfc8032-test-sha-abc": (
        "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        (
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
            "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
        ),
        (
            "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b589"
            "09351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704"
        ),
    ),
}

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
# The y coordinates of the points whose order divides 8.
SMALL = {
    "order-1": 1,
    "order-2": P - 1,
    "order-4": 0,
    "order-8": int.from_bytes(
        bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little"
    ),
    "order-8-other": int.from_bytes(
        bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"), "little"
    ),
}


def cases() -> Iterator[Case]:
    for name, (seed, public, message, signature) in SIGNED.items():
        fields = {"seed_hex": seed, "public_hex": public, "message_hex": message, "signature_hex": signature}
        yield valid(name, "a key and a signature", RFC, **fields)
        flipped = f"{int(signature[:2], 16) ^ 1:02x}{signature[2:]}"
        yield bad(
            "signature.invalid",
            f"{name}-flipped",
            "one bit of the signature is flipped",
            **{**fields, "signature_hex": flipped},
        )
        yield bad(
            "signature.invalid",
            f"{name}-other-message",
            "one byte was added to the message",
            **{**fields, "message_hex": message + "00"},
        )
    seed, public, message, signature = SIGNED["rfc8032-test-1"]
    high = int.from_bytes(bytes.fromhex(signature)[32:], "little") + ORDER
    yield bad(
        "signature.invalid",
        "malleable",
        "S is replaced by S plus the order of the group",
        public_hex=public,
        message_hex=message,
        signature_hex=signature[:64] + high.to_bytes(32, "little").hex(),
    )
    for name, y in SMALL.items():
        for sign in (0, 1):
            raw = (y | sign << 255).to_bytes(32, "little")
            yield bad("key.weak", f"{name}-sign-{sign}", "a point of small order", public_hex=raw.hex())
    for name, y in {"p": P, "p-plus-1": P + 1, "largest": 2**255 - 1}.items():
        yield bad(
            "key.not-canonical",
            f"unreduced-{name}",
            "the coordinate is not reduced modulo p",
            public_hex=y.to_bytes(32, "little").hex(),
        )
    yield bad(
        "key.not-canonical",
        "no-point",
        "no point of the curve has y = 2",
        public_hex=(2).to_bytes(32, "little").hex(),
    )
    yield bad("key.length", "short", "31 bytes", public_hex=public[:62])
    yield bad("key.length", "long", "33 bytes", public_hex=public + "00")


if __name__ == "__main__":
    write("keys", cases())
