import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { escaped, giveBack, takeFloats } from "../../sdk/backend/bufferPool.ts";
import { addonProblem, loadAddon } from "../../sdk/backend/loadAddon.ts";
import { type NativeBackend, registerNativeBackend } from "../../sdk/backend/native.ts";

describe("bufferPool", () => {
  it("serves a shorter batch from what a longer one left", () => {
    const long = takeFloats(3_000_000);
    giveBack(long);
    const shorter = takeFloats(2_100_000);
    assert.equal(shorter.length, 2_100_000);
    assert.equal(shorter.buffer, long.buffer);
    giveBack(shorter);
  });

  it("does not spend a buffer on an array of less than two thirds of its size", () => {
    const long = takeFloats(3_000_000);
    giveBack(long);
    const short = takeFloats(1_500_000);
    assert.notEqual(short.buffer, long.buffer);
    giveBack(short);
  });

  it("never takes back what somebody else has seen", () => {
    const seen = takeFloats(5_000_000);
    escaped(seen);
    giveBack(seen);
    assert.notEqual(takeFloats(5_000_000).buffer, seen.buffer);
  });

  describe("on the native backend", () => {
    const addon = loadAddon();
    if (!addon) it(`skipped, ${addonProblem()}`);
    else {
      before(async () => {
        registerNativeBackend(addon);
        await tf.setBackend("native");
      });
      after(() => tf.setBackend("cpu"));

      it("keeps the memory of a reshaped tensor in the pool, until both are disposed", () => {
        const ones = tf.ones([70, 100]);
        const sum = tf.add(ones, ones);
        const reshaped = tf.reshape(sum, [100, -1]);
        const buffer = bufferOf(sum);
        sum.dispose();
        const second = tf.add(ones, ones);
        assert.notEqual(bufferOf(second), buffer);
        reshaped.dispose();
        const third = tf.add(ones, ones);
        assert.equal(bufferOf(third), buffer);
        tf.dispose([ones, second, third]);
      });

      it("reshapes as tfjs does, and refuses what it refuses", () => {
        const x = tf.tensor2d([1, 2, 3, 4, 5, 6], [2, 3]);
        const y = tf.reshape(x, [3, -1]);
        assert.deepEqual(y.shape, [3, 2]);
        assert.deepEqual([...y.dataSync()], [1, 2, 3, 4, 5, 6]);
        assert.throws(() => tf.reshape(x, [4, 2]), /8.*elements|6/);
        tf.dispose([x, y]);
      });
    }
  });
});

function bufferOf(tensor: tf.Tensor): ArrayBufferLike {
  return (tf.backend() as NativeBackend).values(tensor).data.buffer;
}
