import assert from "node:assert/strict";
import { nearestFlag } from "../../sdk/cli/nearestFlag.ts";

const FINETUNE = [
  "--model",
  "--output-dir",
  "--test",
  "--epochs",
  "--micro-batch-size",
  "--gradient-accumulation-steps",
  "--learning-rate",
  "--max-seq-length",
  "--lora-r",
  "--lora-alpha",
  "--lora-dropout",
  "--save-steps",
  "--seed",
  "--device",
  "--resume",
  "--json",
  "--help",
];

describe("nearestFlag", () => {
  for (const [flag, meant] of [
    ["--epoch", "--epochs"],
    ["--lerning-rate", "--learning-rate"],
    ["--learning_rate", "--learning-rate"],
    ["--learningRate=3e-3", "--learning-rate"],
    ["--lr", "--learning-rate"],
    ["--batch-size", "--micro-batch-size"],
    ["--accumulation-steps", "--gradient-accumulation-steps"],
    ["--accumulation", "--gradient-accumulation-steps"],
    ["--max-length", "--max-seq-length"],
    ["--max-seq-len", "--max-seq-length"],
    ["--output", "--output-dir"],
    ["--out", "--output-dir"],
    ["--outputdir", "--output-dir"],
    ["--dropout", "--lora-dropout"],
    ["--alpha", "--lora-alpha"],
    ["--lora-rank", "--lora-r"],
    ["--modle", "--model"],
    ["-json", "--json"],
    ["--sede", "--seed"],
    ["--num-train-epochs", "--epochs"],
    ["--resume-from-checkpoint", "--resume"],
  ]) {
    it(`takes ${flag} for ${meant}`, () => assert.equal(nearestFlag(flag, FINETUNE), meant));
  }

  for (const flag of ["--xyz", "--gpu", "-m", "--verbose"]) {
    it(`does not guess at ${flag}`, () => assert.equal(nearestFlag(flag, FINETUNE), undefined));
  }
});
