/**
 * Requests to the hub. Invariant: the token goes to the endpoint's own origin and nowhere else, not to the hosts that
 * files are redirected to, and not into a message.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { hubHome } from "./source.ts";

/** Why the hub did not give a file. */
export type HubFailure = "gated" | "missing" | "offline" | "busy" | "failed";

export class HubError extends Error {
  constructor(
    readonly failure: HubFailure,
    message: string,
    cause?: unknown,
  ) {
    super(message, cause === undefined ? undefined : { cause });
  }
}

export interface RetryOptions {
  /** How often a request that failed is sent again without any progress. Default 5. */
  retries?: number;
  /** Wait before the first repetition, in ms; doubled each time. Default 500. */
  retryMs?: number;
  /** A connection without a byte for so many ms is given up and made anew. Default 30 000. */
  stallMs?: number;
}

/** The longest that a server may make us wait before we rather say so, in seconds. */
const LONGEST_WAIT = 300;
const MAX_REDIRECTS = 5;

export class HubClient {
  /** Without a slash at its end. */
  readonly endpoint: string;
  private readonly origin: string;
  readonly retries: number;
  readonly stallMs: number;
  private readonly retryMs: number;
  private readonly token: string | undefined;

  /** Reads HF_ENDPOINT and HF_TOKEN (else the file that `hf auth login` writes). */
  constructor({ retries = 5, retryMs = 500, stallMs = 30_000 }: RetryOptions = {}) {
    this.endpoint = endpointOf(process.env.HF_ENDPOINT || "https://huggingface.co");
    this.origin = new URL(this.endpoint).origin;
    this.token = readToken();
    this.retries = retries;
    this.retryMs = retryMs;
    this.stallMs = stallMs;
  }

  /** `fetch` with redirects, token and repetition; what `@huggingface/hub` is given. Throws for a status that is no success. */
  readonly fetch = async (input: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const url = new URL(input instanceof Request ? input.url : input);
    for (let attempt = 0; ; attempt++) {
      const error = await this.attempt(url, init);
      if (error instanceof Response) return error;
      if (!isPassing(error) || attempt >= this.retries) throw error;
      await this.pause(attempt, error);
    }
  };

  /** Waits before another attempt: as long as the server asked, else longer each time. */
  async pause(attempt: number, error?: unknown): Promise<void> {
    const asked = error instanceof PassingError ? error.waitSeconds : undefined;
    await sleep(asked === undefined ? this.retryMs * 2 ** attempt : asked * 1000);
  }

  /** One attempt: the response, or why there is none. */
  private async attempt(url: URL, init: RequestInit): Promise<Response | HubError> {
    let response: Response;
    try {
      response = await this.follow(url, init);
    } catch (cause) {
      if (cause instanceof HubError) return cause;
      const reason = reasonOf(cause);
      const message = `${this.shown(url)}: no connection (${reason}). Check the network, or HF_ENDPOINT, or give a folder with the model`;
      // A name that nobody knows and a port where nobody listens stay so.
      return ["ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ENETUNREACH"].includes(reason)
        ? new HubError("offline", message)
        : new PassingError("offline", message);
    }
    return response.ok ? response : await this.explain(url, response);
  }

  private async follow(first: URL, init: RequestInit): Promise<Response> {
    let url = first;
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      const headers = new Headers(init.headers);
      headers.delete("authorization");
      if (this.token && url.origin === this.origin) headers.set("authorization", `Bearer ${this.token}`);
      const response = await this.withTimeout(init.signal, (signal) =>
        fetch(url, { ...init, headers, redirect: "manual", signal }),
      );
      const location = response.headers.get("location");
      if (response.status < 300 || response.status >= 400 || !location) return response;
      await response.body?.cancel();
      url = new URL(location, url);
      if (url.protocol !== "https:" && url.protocol !== "http:") {
        throw new HubError(
          "failed",
          `${this.shown(first)}: redirected to ${url.protocol}, which is not followed`,
        );
      }
    }
    throw new HubError("failed", `${this.shown(first)}: redirected more than ${MAX_REDIRECTS} times`);
  }

  /** Aborts when the headers do not come; the body has its own watch, as it may take hours. */
  private async withTimeout<T>(
    given: AbortSignal | null | undefined,
    send: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(new Error("no answer")), this.stallMs);
    try {
      return await send(given ? AbortSignal.any([given, controller.signal]) : controller.signal);
    } finally {
      clearTimeout(timer);
    }
  }

  /** What a status means, and what to do about it. */
  private async explain(url: URL, response: Response): Promise<HubError> {
    const { status, headers } = response;
    const code = headers.get("x-error-code") ?? "";
    await response.body?.cancel();
    const what = this.shown(url);
    const page = `${this.endpoint}/${url.pathname
      .replace(/^\/(api\/models\/)?/, "")
      .split("/")
      .slice(0, 2)
      .join("/")}`;
    if (status === 401 || status === 403) {
      if (code === "GatedRepo" || status === 403) {
        const account = this.token ? "the account of your token has no access" : "no token was sent";
        return new HubError(
          "gated",
          `${what}: the model is gated and ${account} (${status}). Accept its terms on ${page}, make a token with read access on ${this.endpoint}/settings/tokens, and set HF_TOKEN`,
        );
      }
      const token = this.token ? "your token is not valid here" : "no token was sent";
      return new HubError(
        "gated",
        `${what}: the hub asks for an account and ${token} (401). The model is private, gated or misspelt: check the name on ${page}, and set HF_TOKEN to a token with read access`,
      );
    }
    if (status === 404) {
      const missing =
        code === "RevisionNotFound"
          ? "no such revision"
          : code === "EntryNotFound"
            ? "no such file"
            : "no such model";
      return new HubError("missing", `${what}: ${missing} on the hub (404). Check the name on ${page}`);
    }
    if (status === 429 || status >= 500) {
      const wait = retryAfter(headers.get("retry-after"));
      const why = status === 429 ? "too many requests" : "the hub has a fault";
      if (wait !== undefined && wait > LONGEST_WAIT) {
        return new HubError(
          "busy",
          `${what}: ${why} (${status}); it asks to wait ${wait} seconds. Try again then`,
        );
      }
      return new PassingError(
        "busy",
        `${what}: ${why} (${status}), also after ${this.retries} repetitions. Try again later`,
        wait,
      );
    }
    return new HubError("failed", `${what}: expected the file, got status ${status}`);
  }

  /** A URL for messages: without query, where signatures stand. */
  private shown({ origin, pathname }: URL): string {
    return `${origin}${pathname}`;
  }
}

/** A failure that may pass by itself. */
export class PassingError extends HubError {
  constructor(
    failure: HubFailure,
    message: string,
    readonly waitSeconds?: number,
  ) {
    super(failure, message);
  }
}

export function isPassing(error: unknown): boolean {
  return error instanceof PassingError;
}

/** The origin and path of the hub, without a slash at its end. */
function endpointOf(text: string): string {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) {
    throw new Error(`HF_ENDPOINT: expected an address such as https://huggingface.co, got "${text}"`);
  }
  return text.replace(/\/+$/, "");
}

function readToken(): string | undefined {
  const { HF_TOKEN, HF_TOKEN_PATH } = process.env;
  const file = HF_TOKEN_PATH || join(hubHome(), "token");
  const token = (HF_TOKEN || (existsSync(file) ? readFileSync(file, "utf8") : "")).trim();
  if (token === "") return undefined;
  // A character that no header can hold would end up in the error of `fetch`, and so would the token.
  if (!/^[\x21-\x7e]+$/.test(token)) {
    throw new Error("HF_TOKEN: expected a token such as hf_…, got a text with spaces or other characters");
  }
  return token;
}

/** Seconds of a Retry-After header: a number, or a date. */
function retryAfter(header: string | null): number | undefined {
  if (header === null) return undefined;
  const seconds = /^\d+$/.test(header) ? Number(header) : (Date.parse(header) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, Math.ceil(seconds)) : undefined;
}

/** `fetch` hides its reason in `cause`. */
export function reasonOf(error: unknown): string {
  const { message, cause } = error as Error & { cause?: { code?: string; message?: string } };
  return cause?.code ?? cause?.message ?? message;
}
