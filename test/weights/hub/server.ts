/** A small hub: the parts of its API that downloads use, and a second host that files are redirected to. */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Asked {
  host: "hub" | "files";
  method: string;
  path: string;
  authorization: string | undefined;
  range: string | undefined;
}

/** What happens to a request before it is answered in the usual way; true when it has been answered. */
export type Fault = (asked: Asked, response: ServerResponse) => boolean;

export const COMMIT = "0123456789abcdef0123456789abcdef01234567";

export class FakeHub {
  readonly asked: Asked[] = [];
  fault: Fault = () => false;
  /** The commit that "main" is. */
  commit = COMMIT;
  private readonly hub: Server;
  private readonly files: Server;

  /** @param repo "org/name"; @param content of its files by name: those of 1 KiB and more are LFS files */
  constructor(
    readonly repo: string,
    readonly content: Map<string, Uint8Array>,
  ) {
    this.hub = createServer((request, response) => this.answer("hub", request, response));
    this.files = createServer((request, response) => this.answer("files", request, response));
  }

  async start(): Promise<void> {
    for (const server of [this.hub, this.files]) {
      await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    }
  }

  async stop(): Promise<void> {
    for (const server of [this.hub, this.files]) {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    }
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.hub.address() as AddressInfo).port}`;
  }

  /** Requests for the content of a file, at either host. */
  downloads(host: Asked["host"], file: string): Asked[] {
    return this.asked.filter((asked) => asked.host === host && asked.path.endsWith(`/${file}`));
  }

  private answer(host: Asked["host"], request: IncomingMessage, response: ServerResponse): void {
    const { pathname } = new URL(request.url ?? "/", "http://x");
    const { authorization, range } = request.headers;
    const asked = { host, method: request.method ?? "", path: pathname, authorization, range };
    this.asked.push(asked);
    if (this.fault(asked, response)) return;
    const [, file] = new RegExp(`^/${this.repo}/resolve/${this.commit}/(.+)$`).exec(pathname) ?? [];
    if (host === "files") this.send(pathname.split("/").pop()!, range, response);
    else if (pathname.startsWith(`/api/models/${this.repo}/revision/`)) {
      json(response, { _id: "1", id: this.repo, sha: this.commit, siblings: [] });
    } else if (pathname === `/api/models/${this.repo}/tree/${this.commit}`) {
      json(response, [{ type: "directory", path: "onnx", size: 0 }, ...this.tree()]);
    } else if (!file || !this.content.has(file)) refuse(response, 404, "RepoNotFound");
    else if (this.content.get(file)!.length < 1024) this.send(file, range, response);
    else this.redirect(file, response);
  }

  private redirect(file: string, response: ServerResponse): void {
    // LFS files lie elsewhere; the hub signs an address.
    const { port } = this.files.address() as AddressInfo;
    response.writeHead(302, { location: `http://127.0.0.1:${port}/signed/${file}?X-Signature=secret` }).end();
  }

  private tree(): object[] {
    return [...this.content].map(([path, bytes]) => ({
      type: "file",
      path,
      size: bytes.length,
      oid: createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex"),
      ...(bytes.length >= 1024
        ? {
            lfs: {
              oid: createHash("sha256").update(bytes).digest("hex"),
              size: bytes.length,
              pointerSize: 130,
            },
          }
        : {}),
    }));
  }

  send(file: string, range: string | undefined, response: ServerResponse): void {
    const bytes = this.content.get(file)!;
    const from = Number(/^bytes=(\d+)-$/.exec(range ?? "")?.[1] ?? 0);
    const headers = { "content-length": bytes.length - from };
    if (range === undefined) response.writeHead(200, headers);
    else
      response.writeHead(206, {
        ...headers,
        "content-range": `bytes ${from}-${bytes.length - 1}/${bytes.length}`,
      });
    response.end(bytes.subarray(from));
  }
}

export function refuse(
  response: ServerResponse,
  status: number,
  code = "",
  headers: Record<string, string> = {},
): true {
  response.writeHead(status, { ...headers, ...(code ? { "x-error-code": code } : {}) });
  response.end(JSON.stringify({ error: code }));
  return true;
}

function json(response: ServerResponse, body: unknown): void {
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
}

const VARIABLES = [
  "HF_HOME",
  "HF_HUB_CACHE",
  "HUGGINGFACE_HUB_CACHE",
  "HF_HUB_OFFLINE",
  "TRANSFORMERS_OFFLINE",
  "HF_TOKEN",
  "HF_TOKEN_PATH",
  "HF_ENDPOINT",
];

/** Starts the hub and points the environment at it, with a cache of its own in `home`; puts all back afterwards. */
export async function withHub(hub: FakeHub, home: string, body: () => Promise<void>): Promise<void> {
  const original = VARIABLES.map((name) => [name, process.env[name]] as const);
  for (const name of VARIABLES) delete process.env[name];
  await hub.start();
  process.env.HF_HOME = home;
  process.env.HF_ENDPOINT = hub.endpoint;
  try {
    await body();
  } finally {
    await hub.stop();
    for (const [name, value] of original) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}
