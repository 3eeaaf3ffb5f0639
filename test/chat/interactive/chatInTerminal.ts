/** The chat with a scripted model, for the test that looks at a real terminal. Slow pieces, so that it can be stopped. */
import { setTimeout as sleep } from "node:timers/promises";
import { loadDomain } from "../../../sdk/chat/domain/domain.ts";
import { runTerminalChat } from "../../../sdk/chat/interactive/terminal.ts";
import { ReasoningSystem } from "../../../sdk/chat/reasoning.ts";
import { ChatSession } from "../../../sdk/chat/session.ts";
import { ScriptedModel } from "../double.ts";

const domain = await loadDomain("ecommerce.fr");
const right = "La brouette Hirondelle pèse 11,3 kg à vide, grâce à sa caisse en aluminium.";
const model = new ScriptedModel([right, right.replace("11,3", "13,3"), right, right]);
model.beforePiece = () => sleep(model.prompts.length === 4 ? 400 : 20);
const session = new ChatSession(model, { reasoning: new ReasoningSystem(domain), maxRetries: 1 });
await runTerminalChat(session, domain);
