/** Installing for Jupyter without Python: places, a second install, the end of it. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { specFolder } from "../../kernel-ext/kernelspec.ts";
import { packageRoot } from "../../sdk/backend/packageRoot.ts";
import { ensureBuilt, MAIN } from "./kernelProcess.ts";

describe("place of the kernelspec", () => {
  const place = (options = {}, env = {}, platform: NodeJS.Platform = "linux") =>
    specFolder(options, env, platform);

  it("is where Jupyter looks on each system", () => {
    assert.equal(place(), join(homedir(), ".local/share/jupyter/kernels/mistral-lab"));
    assert.equal(place({}, {}, "darwin"), join(homedir(), "Library/Jupyter/kernels/mistral-lab"));
    assert.equal(place({}, { APPDATA: "/roaming" }, "win32"), "/roaming/jupyter/kernels/mistral-lab");
    assert.equal(place({}, { JUPYTER_DATA_DIR: "/data" }), "/data/kernels/mistral-lab");
    assert.equal(place({}, { XDG_DATA_HOME: "/xdg" }), "/xdg/jupyter/kernels/mistral-lab");
  });

  it("follows prefix, sysPrefix and name", () => {
    assert.equal(place({ prefix: "/usr/local" }), "/usr/local/share/jupyter/kernels/mistral-lab");
    assert.equal(
      place({ sysPrefix: true, name: "Lab2" }, { VIRTUAL_ENV: "/venv" }),
      "/venv/share/jupyter/kernels/lab2",
    );
    assert.equal(
      place({ sysPrefix: true }, { CONDA_PREFIX: "/conda" }),
      "/conda/share/jupyter/kernels/mistral-lab",
    );
  });

  it("is refused where it cannot be", () => {
    assert.throws(() => place({ sysPrefix: true }), {
      message:
        "sysPrefix: no environment is active (VIRTUAL_ENV and CONDA_PREFIX are not set): activate one, or name its folder with --prefix.",
    });
    assert.throws(() => place({ user: true, prefix: "/x" }), {
      message: 'option "user", option "prefix" and option "sysPrefix" are three places: give one of them.',
    });
    assert.throws(() => place({ name: "../x" }), {
      message:
        'name: "../x" cannot name a kernel: expected letters, digits, ".", "_" and "-". Try --name mistral-lab.',
    });
  });
});

describe("mistral-lab kernel install and uninstall", function () {
  this.timeout(60_000);
  let data: string;
  const run = (...words: string[]) => {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [join(packageRoot(), "dist/sdk/cli/main.js"), "kernel", ...words],
      { encoding: "utf8", env: { ...process.env, JUPYTER_DATA_DIR: data, NO_COLOR: "1" } },
    );
    return { status, text: stdout + stderr };
  };

  before(ensureBuilt);
  beforeEach(() => {
    data = mkdtempSync(join(tmpdir(), "mistral-lab-jupyter-"));
  });
  afterEach(() => rmSync(data, { recursive: true }));

  it("writes a spec that names node and the built kernel, and says so when it is there already", () => {
    const folder = join(data, "kernels/mistral-lab");
    const first = run("install");
    assert.equal(first.status, 0, first.text);
    assert.match(
      first.text,
      new RegExp(`^Installed in ${folder}\\.\nOpen a notebook and choose Mistral Lab`),
    );
    const spec = JSON.parse(readFileSync(join(folder, "kernel.json"), "utf8"));
    assert.deepEqual(spec.argv, [process.execPath, MAIN, "{connection_file}"]);
    assert.equal(spec.display_name, "Mistral Lab (TypeScript)");
    assert.equal(spec.interrupt_mode, "message");
    assert.ok(existsSync(join(folder, "logo-svg.svg")));
    const second = run("install");
    assert.equal(second.status, 0);
    assert.match(second.text, /^Already installed in .*: nothing has changed\./);
    assert.match(run("install", "--display-name", "Lab").text, /^Replaced another installation in /);
  });

  it("removes what it has written, once", () => {
    run("install", "--name", "lab");
    assert.match(run("uninstall", "--name", "lab").text, /^Removed .*kernels\/lab\./);
    assert.equal(existsSync(join(data, "kernels/lab")), false);
    const again = run("uninstall", "--name", "lab");
    assert.equal(again.status, 0);
    assert.match(again.text, /^Nothing to remove: there is no kernel in .*kernels\/lab\./);
  });

  it("leaves another program's kernel alone", () => {
    mkdirSync(join(data, "kernels/python3"), { recursive: true });
    writeFileSync(join(data, "kernels/python3/kernel.json"), '{"argv": ["python3", "-m", "ipykernel"]}');
    for (const command of ["uninstall", "install"]) {
      const { status, text } = run(command, "--name", "python3");
      assert.equal(status, 1);
      assert.match(text, /starts another program \(python3 -m ipykernel\): it is left alone/);
    }
  });
});
