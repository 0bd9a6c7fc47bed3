"""A network's parameters as safetensors: a short header in JSON, and numbers; nothing in it can run."""

import json
from typing import Final

from hansa.errors import Refused
from hansa.learning.networks.network import Network

_ALIGNMENT: Final = 8


def verify_whole(network: Network) -> None:
    """Check that a network gives a logit by itself.

    Raises:
        Refused: `export.own`, parts of it are every member's own.
    """
    if network.own:
        raise Refused(
            "export.own",
            f"the {' and the '.join(network.own)} of this network are every member's own and in no joint file",
        )


def export_safetensors(network: Network) -> bytes:
    """Return the tensors, each under its name, as float32: a `torch.nn.Sequential` of the same layers loads them.

    Raises:
        Refused: `export.own`.
    Source: the safetensors format: the header's length in eight bytes, little-endian, the header, the numbers.
    """
    verify_whole(network)
    header: dict[str, object] = {}
    data = b""
    for tensor, values in network.part():
        numbers = values.astype("<f4").tobytes()
        place = [len(data), len(data) + len(numbers)]
        header[tensor.name] = {"dtype": "F32", "shape": [*tensor.shape], "data_offsets": place}
        data += numbers
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    return len(text).to_bytes(8, "little") + text + data
