export { domainNames, loadDomain } from "../chat/domain.ts";
export type { Domain } from "../chat/domainSchema.ts";
export { ReasoningSystem } from "../chat/reasoning.ts";
export { ChatSession } from "../chat/session.ts";
export { runTerminalChat } from "../chat/terminal.ts";
export { formatTrace } from "../chat/trace.ts";
export * from "../index.ts";
