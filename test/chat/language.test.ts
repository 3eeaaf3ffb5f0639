import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { parseDomain } from "../../sdk/chat/domain/domain.ts";
import { domainJsonSchema } from "../../sdk/chat/domain/domainSchema.ts";
import { jsonChat } from "../../sdk/chat/interactive/jsonChat.ts";
import { runTerminalChat } from "../../sdk/chat/interactive/terminal.ts";
import { reasonAbout } from "../../sdk/chat/items.ts";
import { addLanguage, languageOf } from "../../sdk/chat/language/languages.ts";
import { ReasoningSystem } from "../../sdk/chat/reasoning.ts";
import { ChatSession } from "../../sdk/chat/session.ts";
import { formatTrace } from "../../sdk/chat/trace.ts";
import { DISPLAY, type Displayable } from "../../sdk/views/bundle.ts";
import { ScriptedModel } from "./double.ts";
import { library } from "./spanish/library.ts";
import { spanish } from "./spanish/spanish.ts";

describe("a third language", () => {
  let remove: () => void;
  let reasoning: ReasoningSystem;
  before(() => {
    remove = addLanguage(spanish);
    reasoning = new ReasoningSystem(parseDomain(library));
  });
  after(() => remove());

  const about = (query: string, more: object = {}) =>
    reasonAbout(reasoning, { query, now: "2026-11-28", ...more });
  const named = (query: string) =>
    Object.fromEntries(
      Object.entries(about(query).entities ?? {}).flatMap(([kind, list]) =>
        list.length > 0 ? [[kind, list.map(({ text, normal }) => `${text} = ${normal}`).join(", ")]] : [],
      ),
    );

  it("puts questions into categories, courtesy apart", () => {
    assert.equal(about("Hola, ¿cuánto vale hacerse socio?").category, "CARNE");
    assert.equal(about("tengo que devolver una novela").category, "PRESTAMO");
    assert.equal(about("Buenos días").category, "SALUDO");
    assert.equal(about("gracias, hasta luego").category, "DESPEDIDA");
  });

  it("finds what is named, with its normal form", () => {
    assert.deepEqual(named("¿Puedo devolver la novela pasado mañana en Sevilla?"), {
      products: "novela = novela",
      actions: "devolver = devolver",
      time_references: "pasado mañana = 2026-11-30",
      locations: "Sevilla = Sevilla",
    });
    assert.deepEqual(named("Pagué 12,50 euros hace 3 días, reserva 48213, y ya no funciona"), {
      concerns: "ya no funciona = averiado",
      time_references: "hace 3 días = 2026-11-25",
      order_numbers: "48213 = 48213",
      amounts: "12,50 euros = 12.50 EUR",
    });
  });

  it("sees moods, negation, questions, what points back, and insults of any language", () => {
    assert.equal(about("no estoy contento con el préstamo").sentiment, "negative");
    assert.equal(about("¿Cuándo abren?").approach?.asksFor, "time");
    const history = [
      { role: "user" as const, content: "¿Cuánto cuesta el carné?" },
      { role: "assistant" as const, content: "El carné cuesta 12 euros al año." },
    ];
    assert.equal(about("¿y para niños?", { history }).relation, "refers_to_previous");
    for (const rude of ["gilipollas", "sois unos inútiles", "connard", "you bastards"])
      assert.equal(about(rude).offensive, true, rude);
    assert.equal(about("unos folletos inútiles").offensive, false);
  });

  it("checks answers, and says what is wrong in the language", () => {
    const issues = (query: string, response: string) =>
      about(query, { response }).issues?.map(({ message }) => message);
    assert.deepEqual(issues("¿Cuánto cuesta el carné?", "El carné cuesta 12 euros al año."), []);
    assert.deepEqual(issues("¿Cuánto cuesta el carné?", "El carné cuesta 15 euros al año."), [
      "La respuesta dice 15 en vez de 12.",
    ]);
    assert.deepEqual(
      issues("¿Cuánto cuesta el carné?", "Le prix de la carte est de 12 euros pour une année."),
      ["La respuesta no está en español.", "La respuesta no habla de carné de socio."],
    );
    assert.deepEqual(issues("¿Cuándo abren?", "Hola, abrimos de martes a sábado de 10 a 19 horas."), [
      "La respuesta empieza con una fórmula vacía.",
    ]);
  });

  it("speaks to the model, in the trace and in the chat", async () => {
    const trace = reasoning.analyse("¿Cuándo abren?");
    assert.match(
      reasoning.guidance(trace),
      /^La pregunta trata de: horarios y lugar.*Hechos seguros: La biblioteca/s,
    );
    assert.match(formatTrace(trace), /│ Contexto +tema nuevo/);
    assert.match(formatTrace(trace, { full: true }), /pide un momento/);
    assert.match((trace as unknown as Displayable)[DISPLAY]()["text/html"] ?? "", /tema nuevo/);
    const model = new ScriptedModel(["El carné cuesta 15 euros al año.", "El carné cuesta 12 euros al año."]);
    const chat = new ChatSession(model, { reasoning });
    assert.equal((await chat.say("¿Cuánto cuesta el carné?")).answer, "El carné cuesta 12 euros al año.");
    assert.match(
      model.prompts[1][0].content,
      /La respuesta anterior era falsa: La respuesta dice 15 en vez de 12\./,
    );

    const input = new PassThrough();
    const output = new PassThrough();
    let screen = "";
    output.on("data", (chunk) => {
      screen += chunk;
    });
    input.end("ayuda\nadaptador\nborrar\ndepurar\nsalir\n");
    const adapters = new Map([["uno", model]]);
    await runTerminalChat(new ChatSession(model), reasoning.domain, { input, output, adapters });
    assert.equal(
      screen,
      "ayuda, salir, borrar, depurar\n  adapter NOMBRE  responde con este adaptador\n" +
        "Adaptadores: [uno].\nTodo olvidado.\nEsta conversación no tiene razonamiento.\n",
    );
    async function* lines() {
      yield "depurar+";
    }
    for await (const event of jsonChat(new ChatSession(model, { reasoning }), reasoning.domain, lines()))
      assert.deepEqual(event, { type: "command", command: "debugFull", text: "Se muestra todo." });
  });

  it("takes a code once, and is known only while it is there", () => {
    assert.throws(() => addLanguage(spanish), {
      message:
        'addLanguage: expected a code of its own, got "es"; fr, en, es are there. Choose another code.',
    });
    remove();
    assert.throws(() => parseDomain(library, "biblioteca.json"), {
      message: /language: expected one of "fr", "en", got "es"/,
    });
    assert.throws(() => languageOf("es"), {
      message: 'language "es": expected one of fr, en. Add it with addLanguage before its domains are read.',
    });
    const { properties } = domainJsonSchema() as { properties: Record<string, { enum?: string[] }> };
    assert.deepEqual(properties.language.enum, ["fr", "en"], "editors complete the languages that ship");
    remove = addLanguage(spanish);
  });
});
