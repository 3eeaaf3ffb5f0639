/**
 * Whether this machine has a GPU for tests, or the emulator. A test that needs one is skipped with its reason where there
 * is none, and fails where MISTRAL_LAB_EXPECT_CUDA is set: a GPU run without GPU tests is no success.
 */
import { cudaProblem } from "../sdk/backend/cuda/open.ts";
import { addonProblem, loadAddon } from "../sdk/backend/loadAddon.ts";

/**
 * Why there is no GPU; undefined where there is one.
 *
 * @throws where MISTRAL_LAB_EXPECT_CUDA is set and there is none
 */
export function noGpu(): string | undefined {
  const addon = loadAddon();
  const problem = addon ? cudaProblem(addon.cuda) : addonProblem();
  if (problem !== undefined && process.env.MISTRAL_LAB_EXPECT_CUDA)
    throw new Error(`expected a GPU: ${problem}`);
  return problem;
}

/** For a test, or a hook before several. */
export function skipWithoutGpu(test: Mocha.Context): void {
  const problem = noGpu();
  if (problem === undefined) return;
  console.log(`      skipped: ${problem}`);
  test.skip();
}
