/** The command "adapter" of the chat: which of several adapters on one base answers from now on. */
import type { Domain } from "../domain/domainSchema.ts";
import { languageOf } from "../language/languages.ts";
import type { ChatModel, LoadedModel } from "../model.ts";
import type { ChatSession } from "../session.ts";

/** Models by name, such as `loadAdapters` gives; the first is the one that the session began with. */
export type NamedModels = ReadonlyMap<string, LoadedModel | ChatModel>;

const COMMAND = /^\/?(\p{L}+)(?:\s+(\S+))?$/u;

/** The text of the command "help": the domain's, and the command of the adapters where there are some. */
export function helpText(
  { ui, language }: Pick<Domain, "ui" | "language">,
  adapters?: AdapterSwitch,
): string {
  return adapters ? `${ui.help}\n${languageOf(language).texts.chat.adapterHelp}` : ui.help;
}

export class AdapterSwitch {
  private current: string;

  constructor(
    private readonly session: ChatSession,
    private readonly models: NamedModels,
  ) {
    this.current = [...models.keys()][0];
  }

  /** What to say where the line is the command, which is then obeyed; undefined for any other line. */
  obey(line: string, language: Domain["language"]): string | undefined {
    const match = COMMAND.exec(line);
    const texts = languageOf(language).texts.chat;
    if (!match || !["adapter", texts.adapterWord].includes(match[1].toLowerCase())) return undefined;
    const names = [...this.models.keys()];
    const name = match[2];
    if (name === undefined) {
      return texts.adapterList(
        names.map((known) => (known === this.current ? `[${known}]` : known)).join(", "),
      );
    }
    const model = this.models.get(name);
    if (!model) return texts.adapterUnknown(name, names.join(", "));
    this.session.useModel(model);
    this.current = name;
    return texts.adapterNow(name);
  }
}
