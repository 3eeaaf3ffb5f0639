/** The connection file: where the front end wants the kernel to listen, and the key that signs. */
import { readFileSync } from "node:fs";

const PORTS = ["shell_port", "control_port", "stdin_port", "iopub_port", "hb_port"] as const;

export type Port = (typeof PORTS)[number];

export interface Connection extends Record<Port, number> {
  transport: "tcp" | "ipc";
  ip: string;
  /** Empty: messages are not signed. */
  key: string;
  signature_scheme: string;
}

/** @throws with every problem of the file at once */
export function readConnection(file: string): Connection {
  let value: Record<string, unknown>;
  try {
    value = JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
  } catch (error) {
    throw new Error(
      `Cannot read the connection file ${file}: ${(error as Error).message}. Jupyter writes it and names it to the kernel; to try by hand, run: jupyter console --kernel mistral-lab`,
    );
  }
  const problems: string[] = [];
  const transport = value.transport ?? "tcp";
  if (transport !== "tcp" && transport !== "ipc")
    problems.push(`transport is ${JSON.stringify(transport)}, expected "tcp" or "ipc"`);
  if (typeof value.ip !== "string") problems.push(`ip is ${JSON.stringify(value.ip)}, expected an address`);
  for (const port of PORTS)
    if (!Number.isInteger(value[port]))
      problems.push(`${port} is ${JSON.stringify(value[port])}, expected a number`);
  if (problems.length > 0) throw new Error(`The connection file ${file} is wrong: ${problems.join("; ")}.`);
  return {
    ...(value as unknown as Connection),
    transport: transport as Connection["transport"],
    key: typeof value.key === "string" ? value.key : "",
    signature_scheme: typeof value.signature_scheme === "string" ? value.signature_scheme : "hmac-sha256",
  };
}

/** The address of one socket, as ZeroMQ writes it. */
export function endpoint(connection: Connection, port: Port): string {
  const separator = connection.transport === "tcp" ? ":" : "-";
  return `${connection.transport}://${connection.ip}${separator}${connection[port]}`;
}
