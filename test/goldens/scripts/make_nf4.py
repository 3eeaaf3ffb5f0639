"""Goldens of NF4: what bitsandbytes' quantize_4bit makes of 28 awkward tensors, on the CPU and on a GPU.

nf4.safetensors holds, for each case C and device D ("cpu", and "cuda" where there is one):
  C.input                 F32 [n]
  C.D.packed              U8  [ceil(n/2)]       first value of a pair in the high nibble
  C.D.absmax              F32 [ceil(n/64)]      without double quantisation
  C.D.codes               U8  [ceil(n/64)]      absmax, double-quantised
  C.D.nested_absmax       F32 [blocks of 256]
  C.D.offset              F32 [1]               mean of absmax
  C.D.dequantized         F32 [n]               from packed and the double-quantised absmax
and once: levels F32 [16], dynamic_map F32 [256].
nf4.json lists the cases and how far the two devices agree. The CUDA numbers are what published checkpoints have;
bitsandbytes' CPU path uses other rules in corner cases (see sdk/weights/nf4Codec.ts).

Tensors are one-dimensional on purpose: for matrices whose rows are no multiple of 64, bitsandbytes' AVX-512
dequantisation indexes the scales by row.
"""

import torch
from bitsandbytes import functional as F

from golden import arguments, save_json, save_tensors, versions

# The float literals of the decision tree in bitsandbytes' csrc/kernels.cu (dQuantizeNF4).
THRESHOLDS = [
    -0.8480964303016663, -0.6106328964233398, -0.4599952697753906, -0.33967941999435425, -0.23460739850997925,
    -0.13791173696517944, -0.045525018125772476, 0.03979014977812767, 0.1202552542090416, 0.2035212516784668,
    0.2920137643814087, 0.3893125355243683, 0.5016633868217468, 0.6427869200706482, 0.8614783883094788,
]  # fmt: skip


def around_thresholds():
    """Each threshold and its float32 neighbours on both sides, in blocks whose absmax is exactly 1."""
    exact = torch.tensor(THRESHOLDS, dtype=torch.float32)
    up, down = torch.tensor(float("inf")), torch.tensor(float("-inf"))
    near = [exact, torch.nextafter(exact, up), torch.nextafter(exact, down)]
    near += [torch.nextafter(near[1], up), torch.nextafter(near[2], down)]
    block = torch.zeros(128)
    block[0] = 1.0
    block[64] = -1.0
    values = torch.cat(near)  # 75 values
    block[1:64] = values[:63]
    block[65:77] = values[63:]
    return block


def cases(levels):
    g = torch.Generator().manual_seed(20240501)

    def normal(n):
        return torch.randn(n, generator=g, dtype=torch.float32)

    def uniform(n):
        return torch.rand(n, generator=g, dtype=torch.float32)

    outlier = normal(1024)
    outlier[333] = 1000.0
    hole = normal(512)
    hole[128:192] = 0.0
    signed_zeros = normal(128)
    signed_zeros[::3] = -0.0
    signed_zeros[1::3] = 0.0
    per_block = normal(4096) * (10.0 ** (uniform(64) * 12 - 6)).repeat_interleave(64)
    return {
        "normal": normal(4096),
        "weights": normal(8192) * 0.02,
        "bfloat16_weights": (normal(4096) * 0.02).to(torch.bfloat16).float(),
        "heavy_tails": normal(4096) / normal(4096).abs().clamp(min=1e-3),
        "uniform": uniform(2048) * 2 - 1,
        "grid": torch.linspace(-1, 1, 4096),
        "zeros": torch.zeros(256),
        "zero_block_inside": hole,
        "constant": torch.full((256,), 0.37),
        "negative_constant": torch.full((256,), -0.37),
        "alternating": torch.tensor([1.5, -1.5]).repeat(64),
        "signed_zeros": signed_zeros,
        "negative_zeros": torch.full((64,), -0.0),
        "denormals": normal(128) * 1e-40,
        "tiny": normal(512) * 1e-30,
        "huge": normal(256) * 1e36,
        "one_outlier": outlier,
        "one_per_block": torch.eye(64, dtype=torch.float32).reshape(-1)[:2048].clone(),
        "magnitudes": per_block,
        "thresholds": around_thresholds(),
        "levels": torch.cat([levels * scale for scale in (1.0, 0.37, 12.5, 1e-3)] * 4),
        "size_1": normal(1),
        "size_2": normal(2),
        "size_63": normal(63),
        "size_65": normal(65),
        "size_odd": normal(777),
        "size_ragged_groups": normal(256 * 64 + 3 * 64 + 5),
        "three_groups": normal(40000) * 0.05,
    }


def quantize(values, device):
    """Everything bitsandbytes gives for one tensor, by the names in the file's top."""
    on_device = values.to(device)
    _, plain = F.quantize_4bit(on_device, blocksize=64, quant_type="nf4", compress_statistics=False)
    packed, state = F.quantize_4bit(on_device, blocksize=64, quant_type="nf4", compress_statistics=True)
    return {
        "packed": packed.reshape(-1),
        "absmax": plain.absmax,
        "codes": state.absmax,
        "nested_absmax": state.state2.absmax,
        "offset": state.offset.reshape(1).float(),
        "dequantized": F.dequantize_4bit(packed, quant_state=state).reshape(-1).float(),
    }


def nibbles(packed):
    return torch.stack([packed >> 4, packed & 15], dim=1).reshape(-1)


def compare(cpu, cuda, n):
    """How far two devices agree: counts of differing codes, largest differences of scales and values."""
    cuda = {key: tensor.cpu() for key, tensor in cuda.items()}
    different = {
        "nibbles": int((nibbles(cpu["packed"])[:n] != nibbles(cuda["packed"])[:n]).sum()),
        "codes": int((cpu["codes"] != cuda["codes"]).sum()),
    }
    for key in ("absmax", "nested_absmax", "offset", "dequantized"):
        different[key] = float((cpu[key].double() - cuda[key].double()).abs().max())
    return {"agree": all(value == 0 for value in different.values()), **different}


def main():
    args = arguments(__doc__.splitlines()[0])
    devices = ["cpu"] + (["cuda"] if torch.cuda.is_available() else [])
    levels = F.get_4bit_type("nf4", device="cpu").float()
    tensors = {"levels": levels, "dynamic_map": F.create_dynamic_map(signed=True).float()}
    table = []
    for name, values in cases(levels).items():
        tensors[f"{name}.input"] = values
        entry, results = {"name": name, "n": values.numel(), "devices": []}, {}
        for device in devices:
            try:
                results[device] = quantize(values, device)
            except Exception as error:  # one case that a device refuses must not cost the others
                entry[f"{device}_error"] = f"{type(error).__name__}: {error}"
                print(f"{name} on {device}: {entry[f'{device}_error']}")
                continue
            entry["devices"].append(device)
            tensors.update({f"{name}.{device}.{key}": tensor for key, tensor in results[device].items()})
        if len(results) == 2:
            entry["cpu_against_cuda"] = compare(results["cpu"], results["cuda"], values.numel())
            if not entry["cpu_against_cuda"]["agree"]:
                print(f"{name}: CPU and CUDA differ: {entry['cpu_against_cuda']}")
        table.append(entry)
    save_tensors(args.out / "nf4.safetensors", tensors)
    save_json(args.out / "nf4.json", {"versions": versions(), "devices": devices, "cases": table})
    failed = [f"{entry['name']} on {d}" for entry in table for d in devices if f"{d}_error" in entry]
    assert not failed, f"bitsandbytes refused: {', '.join(failed)}"


if __name__ == "__main__":
    main()
