/**
 * The chat in a real terminal: tmux draws what a person would see, and `screens/chat.txt` keeps it. Only times are
 * masked. UPDATE_SCREENS=1 writes the file again; read the difference before you keep it.
 */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const KEPT = join(import.meta.dirname, "screens", "chat.txt");
const SERVER = `mistral-lab-test-${process.pid}`;
const tmux = (...words: string[]) =>
  execFileSync("tmux", ["-u", "-L", SERVER, "-f", "/dev/null", ...words], { encoding: "utf8" });

describe("chat on a real screen", () => {
  before(function () {
    // Shown as pending: nothing else here can draw a screen.
    if (spawnSync("tmux", ["-V"]).status !== 0) this.skip();
  });
  after(() => {
    spawnSync("tmux", ["-L", SERVER, "kill-server"]);
  });

  it("looks as it is kept: answer, trace, correction, stop, line editing, goodbye", async () => {
    const command = `NO_COLOR=1 ${process.execPath} --import tsx ${join(import.meta.dirname, "chatInTerminal.ts")}; sleep 60`;
    tmux("new-session", "-d", "-x", "84", "-y", "70", command);
    const screen = () => tmux("capture-pane", "-p", "-S", "-");
    const seen = async (text: string, times = 1) => {
      for (let i = 0; i < 600; i++) {
        if (screen().split(text).length > times) return;
        await sleep(50);
      }
      assert.fail(`never shown: ${text}\n${screen()}`);
    };
    const type = (...keys: string[]) => tmux("send-keys", ...keys);
    await seen("Vous >");
    // A typing error taken back with the cursor, then the reasoning.
    type("debug", "Enter");
    await seen("Raisonnement affiché.");
    // Each step waits for what the one before has drawn: a busy machine may lose keys that come together.
    await seen("Vous >", 2);
    type("-l", "Combien pse la brouette ?");
    await seen("Combien pse la brouette ?");
    for (let i = 0; i < 16; i++) {
      type("Left");
      await sleep(20);
    }
    type("-l", "è");
    await seen("Combien pèse la brouette ?");
    type("Enter");
    await seen("tokens/s");
    await seen("Vous >", 3);
    type("debug", "Enter");
    await seen("Raisonnement caché.");
    await seen("Vous >", 4);
    // The line before, from the history; the model is wrong first, and corrects itself.
    type("Up");
    await seen("Vous > debug", 2);
    type("Up");
    await seen("Vous > Combien pèse la brouette ?", 2);
    type("Enter");
    await seen("tokens/s", 2);
    await seen("Vous >", 5);
    type("Up");
    await seen("Vous > Combien pèse la brouette ?", 3);
    type("Enter");
    await seen("Assistant > La brouette", 4);
    type("C-c");
    await seen("[arrêté]");
    await seen("tokens/s", 3);
    await seen("Vous >", 6);
    type("quitter", "Enter");
    await seen("À bientôt !");
    const shown = screen()
      .replace(/\d+ tokens en \d+\.\d s, \d+ tokens\/s/g, "N tokens en T s, R tokens/s")
      .replace(/─+ \d+\.\d ms ─┘/g, "─ T ms ─┘")
      // How much was said before Ctrl-C came is up to the machine.
      .replace(/Assistant > La brouette.*\[arrêté\]/s, (text) =>
        text.slice(0, text.lastIndexOf("Assistant > ")).concat("Assistant > … [arrêté]"),
      )
      .trimEnd();
    if (process.env.UPDATE_SCREENS) writeFileSync(KEPT, `${shown}\n`);
    assert.equal(`${shown}\n`, readFileSync(KEPT, "utf8"));
  });
});
