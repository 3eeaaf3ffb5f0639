import assert from "node:assert/strict";
import type { LoraArguments } from "../../sdk/backend/addon.ts";
import { assertClose } from "../compare.ts";
import { noLora } from "./linearSupport.ts";
import { onEveryIsa } from "./support.ts";

onEveryIsa("linear, arguments", (addon) => {
  it("accepts no rows and no columns", () => {
    const f = (n: number) => new Float32Array(n);
    addon.linearForward(0, 4, f(0), 3, f(12), null, f(8), f(6), 2, 1, 0, 0, f(0), f(0));
    const [dA, dB] = [f(8).fill(3), f(6).fill(3)];
    addon.linearBackward(0, 3, 4, f(0), f(0), f(0), f(12), null, f(8), f(6), 2, 1, 0, 0, f(0), dA, dB);
    assertClose(dA, f(8), { what: "dA of no rows" });
    assertClose(dB, f(6), { what: "dB of no rows" });
    for (const rows of [2, 20]) {
      const y = f(rows * 3).fill(3);
      addon.linearForward(rows, 0, f(0), 3, f(0), null, ...noLora, y, null);
      assertClose(y, f(rows * 3), { what: "y of no inputs" });
    }
  });

  it("refuses wrong arguments", () => {
    const f = (n: number) => new Float32Array(n);
    const forward = (change: Partial<Record<"x" | "w" | "absmax" | "lora" | "y" | "xa", unknown>>) => () => {
      const given = { x: f(8), w: f(12), absmax: null, lora: noLora, y: f(6), xa: null, ...change };
      addon.linearForward(
        2,
        4,
        given.x as Float32Array,
        3,
        given.w as Float32Array,
        given.absmax as null,
        ...(given.lora as LoraArguments),
        given.y as Float32Array,
        given.xa as null,
      );
    };
    const message = (text: string) => ({ message: `linearForward: ${text}` });
    forward({})();
    assert.throws(
      forward({ x: f(7) }),
      message("argument x: expected Float32Array of length 8, got Float32Array of length 7"),
    );
    assert.throws(
      forward({ w: new Float64Array(12) }),
      message(
        "argument weight: expected Float32Array, Uint16Array (bf16 bits) or Uint8Array (NF4), got Float64Array of length 12",
      ),
    );
    assert.throws(
      forward({ w: new Uint8Array(5), absmax: f(1) }),
      message("argument weight: expected Uint8Array of length 6, got Uint8Array of length 5"),
    );
    assert.throws(
      forward({ w: new Uint8Array(6) }),
      message("argument absmax: expected Float32Array of length 1, got null"),
    );
    assert.throws(
      forward({ absmax: f(1) }),
      message("argument absmax: expected null beside a weight that is not NF4, got Float32Array of length 1"),
    );
    assert.throws(
      forward({ y: f(5) }),
      message("argument y: expected Float32Array of length 6, got Float32Array of length 5"),
    );
    assert.throws(
      forward({ xa: f(1) }),
      message("argument xa: expected Float32Array of length 0, got Float32Array of length 1"),
    );
    assert.throws(forward({ lora: [f(8), f(6), 2, 1, 0, 0] }), message("xa must be given with an adapter"));
    assert.throws(
      forward({ lora: [f(7), f(6), 2, 1, 0, 0] }),
      message("argument loraA: expected Float32Array of length 8, got Float32Array of length 7"),
    );
    assert.throws(
      forward({ lora: [f(8), f(6), 2, 1, 1, 0], xa: f(4) }),
      message("dropout must be in [0, 1)"),
    );
    const [w, y] = [f(12), f(6)];
    assert.throws(
      () => addon.linearForward(2, 4, f(8), 3, w, null, ...noLora, y, null, 3, w),
      message("argument absmax: expected null beside a weight that is not NF4, got undefined"),
    );
    const backward = (dB: Float32Array | null, xa: Float32Array | null, lora: LoraArguments) => () =>
      addon.linearBackward(2, 3, 4, f(6), f(8), xa, f(12), null, ...lora, f(8), null, dB);
    backward(null, null, noLora)();
    assert.throws(backward(f(6), null, noLora), {
      message: "linearBackward: argument dB: expected Float32Array of length 0, got Float32Array of length 6",
    });
    assert.throws(backward(f(6), null, [f(8), f(6), 2, 1, 0, 0]), {
      message: "linearBackward: dB needs xa, which linearForward wrote",
    });
  });
});
