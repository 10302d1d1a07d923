"""What the machine is good at."""

from functools import cache

import torch


@cache
def multiplies_bf16(device: torch.device = torch.device("cpu")) -> bool:  # noqa: B008
    """Say whether a device multiplies bfloat16 in hardware, faster than float32."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0) or torch.version.hip is not None
    names = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    there = device.type == "cpu" and torch.backends.mkldnn.is_available()
    return there and any(getattr(torch.cpu, name, lambda: False)() for name in names)


@cache
def multiplies_int8() -> bool:
    """Say whether this CPU multiplies 8-bit integers in hardware (VNNI), faster than bfloat16."""
    there = torch.backends.mkldnn.is_available() and hasattr(torch, "_int_mm")
    return there and getattr(torch.cpu, "_is_vnni_supported", lambda: False)()
