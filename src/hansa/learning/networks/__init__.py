"""Networks over sums (docs/formats/recipe-network.md).

Every member goes some steps from the same parameters on its own rows; what is added up is how far each went. PyTorch takes the steps and nothing
else: what follows from totals is worked out by everybody alike, without it.
"""

from hansa.learning.networks.architecture import Architecture, Image
from hansa.learning.networks.document import FORMAT, parse_network, write_network
from hansa.learning.networks.network import Network, encode_inputs
from hansa.learning.networks.onnx import describe_columns, export_onnx
from hansa.learning.networks.recipe import Networks, NetworksState
from hansa.learning.networks.safetensors import export_safetensors
from hansa.learning.networks.settings import NetworkParameters, parse_network_parameters
from hansa.learning.networks.training import build_module, find_logits

__all__ = [
    "FORMAT",
    "Architecture",
    "Image",
    "Network",
    "NetworkParameters",
    "Networks",
    "NetworksState",
    "build_module",
    "describe_columns",
    "encode_inputs",
    "export_onnx",
    "export_safetensors",
    "find_logits",
    "parse_network",
    "parse_network_parameters",
    "write_network",
]
