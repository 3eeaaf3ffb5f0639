/** The command "adapter" of the chat: which of several adapters on one base answers from now on. */
import type { Domain } from "./domainSchema.ts";
import type { ChatModel, LoadedModel } from "./model.ts";
import type { ChatSession } from "./session.ts";

/** Models by name, such as `loadAdapters` gives; the first is the one that the session began with. */
export type NamedModels = ReadonlyMap<string, LoadedModel | ChatModel>;

const TEXTS = {
  fr: {
    help: "  adapter NOM  répond avec cet adaptateur ; adapter les énumère",
    now: (name: string) => `Adaptateur : ${name}.`,
    list: (names: string) => `Adaptateurs : ${names}.`,
    unknown: (name: string, names: string) => `Pas d'adaptateur « ${name} » ; il y a ${names}.`,
  },
  en: {
    help: "  adapter NAME  answers with this adapter; adapter lists them",
    now: (name: string) => `Adapter: ${name}.`,
    list: (names: string) => `Adapters: ${names}.`,
    unknown: (name: string, names: string) => `No adapter "${name}"; there are ${names}.`,
  },
};

const COMMAND = /^\/?(?:adapter|adaptateur)(?:\s+(\S+))?$/i;

/** The text of the command "help": the domain's, and the command of the adapters where there are some. */
export function helpText(
  { ui, language }: Pick<Domain, "ui" | "language">,
  adapters?: AdapterSwitch,
): string {
  return adapters ? `${ui.help}\n${TEXTS[language].help}` : ui.help;
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
    if (!match) return undefined;
    const texts = TEXTS[language];
    const names = [...this.models.keys()];
    const [, name] = match;
    if (name === undefined) {
      return texts.list(names.map((known) => (known === this.current ? `[${known}]` : known)).join(", "));
    }
    const model = this.models.get(name);
    if (!model) return texts.unknown(name, names.join(", "));
    this.session.useModel(model);
    this.current = name;
    return texts.now(name);
  }
}
