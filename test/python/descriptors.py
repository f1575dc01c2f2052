"""Prints, in base64, the file descriptors of momento-wire-types."""

import base64
import importlib
import pkgutil

import momento_wire_types.generated as generated
from google.protobuf import descriptor_pb2

files = descriptor_pb2.FileDescriptorSet()
for module in pkgutil.iter_modules(generated.__path__):
    if not module.name.endswith("_pb2"):
        continue
    descriptor = importlib.import_module(f"{generated.__name__}.{module.name}").DESCRIPTOR
    descriptor.CopyToProto(files.file.add())
print(base64.b64encode(files.SerializeToString()).decode())
