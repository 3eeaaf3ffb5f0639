/** The schema of a domain file. Every description here becomes a hint in the editor of whoever writes one. */
import { z } from "zod";
import { languages } from "../language/languages.ts";

const text = z.string().min(1);
const texts = z.array(text);

function quoted(words: Iterable<string>): string {
  return [...words].map((word) => JSON.stringify(word)).join(", ");
}

const entityWord = z
  .strictObject({
    normal: text.describe("The form that the trace and the checks use: lemma or proper name."),
    forms: texts.default([]).describe("Other ways to write it. Plurals and conjugations need no entry."),
    kind: text.optional().describe("What it is, as a customer would say: 'brouette' for Hirondelle."),
  })
  .describe("One thing that a customer can name.");

const category = z.strictObject({
  id: z
    .string()
    .regex(/^[A-Z][A-Z0-9_]*$/, "capital letters, digits and _")
    .describe("Name, in capitals."),
  description: text.describe("What belongs here, in words; shown in the trace and told to the model."),
  role: z
    .enum(["request", "greeting", "farewell", "smalltalk"])
    .default("request")
    .describe("A greeting, a farewell or small talk never wins beside a request."),
  asksOpinion: z
    .boolean()
    .default(false)
    .describe("Advice and preference, which a general answer answers: it needs no fact, and may define."),
  keywords: texts.describe("Words and short phrases that speak for this category."),
  examples: texts.describe("Whole sentences of customers. The more varied, the better the classifier."),
  answers: texts
    .default([])
    .describe("Answers as an agent would give them here; with the facts they teach what an answer is about."),
  near: texts
    .default([])
    .describe("Categories whose answers fit here too: the state of an order is told by its parcel."),
});

const template = z.strictObject({
  text: text.describe("What to say first. May hold {product}, {order_number}, {amount}, {location}."),
  sentiment: z.enum(["positive", "neutral", "negative"]).optional().describe("Only for this sentiment."),
  needs: z
    .enum(["product", "order_number", "amount", "location"])
    .optional()
    .describe("Only where such an entity was found."),
});

const theme = z.strictObject({
  categories: texts.describe("Categories whose score also moves the conversation towards this theme."),
  words: z.record(text, z.number().positive()).describe("Words and how strongly each speaks for the theme."),
});

const fact = z.strictObject({
  text: text.describe("One true sentence. Answers are checked against its numbers and names."),
  category: text.describe("The category of questions that it answers."),
});

const ui = z
  .strictObject({
    welcome: text,
    prompt: text.describe("Before the customer's line."),
    assistant: text.describe("Before the answer."),
    thinking: text.describe("Beside the spinner."),
    help: text.describe("What the help command prints: all commands."),
    cleared: text,
    debugOn: text,
    debugOff: text,
    debugFull: text.describe("After the command that shows the reasoning with all scores, words and values."),
    reloaded: text.describe("After the domain file was read again."),
    cannotReload: text.describe("Where the chat has no file to read again."),
    stopped: text.describe("After Ctrl-C stopped an answer."),
    quitHint: text.describe("After Ctrl-C on an empty line."),
    goodbye: text,
    retrying: text.describe("Where an answer was found wrong and is given again. May hold {issue}."),
    speed: text.describe("After each answer. Holds {tokens}, {seconds}, {rate}."),
    error: text.describe("Holds {message}."),
    traceTitle: text,
    stages: z.record(text, text).describe("The names of the stages in the trace."),
    commands: z
      .strictObject({
        help: texts.min(1),
        quit: texts.min(1),
        clear: texts.min(1),
        debug: texts.min(1),
        debugFull: texts.min(1),
        reload: texts.min(1),
      })
      .describe("The words that the customer types for each command."),
  })
  .describe("All texts of the chat in the terminal.");

/** The schema of `data/domains/*.json`. */
export const domainSchema = z.strictObject({
  $schema: z.string().optional().describe("For the editor."),
  name: text.describe("Who speaks: the shop or the service."),
  language: z
    .string()
    .refine((code) => languages.has(code), { error: () => `one of ${quoted(languages.keys())}` })
    .meta({ enum: [...languages.keys()] })
    .describe("Language of questions, answers and UI."),
  systemPrompt: text.describe(
    "Told to the model before the conversation, unless promptGuidance is 'question'.",
  ),
  promptGuidance: z
    .enum(["full", "short", "question"])
    .default("full")
    .describe(
      "How the reasoning reaches the model. 'full': system prompt, findings and fitting facts as text. " +
        "'short': system prompt and one line. 'question': no text at all; the reasoning cleans the question, " +
        "chooses the turns to show and the sampling. For small models tuned on bare questions.",
    ),
  categorize: z
    .strictObject({
      useModel: z
        .boolean()
        .default(false)
        .describe(
          "Ask the language model too: the likelihood of each category's name. Costs a forward pass.",
        ),
      modelWeight: z
        .number()
        .min(0)
        .max(1)
        .default(0.3)
        .describe("Share of the model's opinion, 0 to 1. The reasoning's own has the rest."),
    })
    .prefault({})
    .describe("How the category is decided."),
  categories: z.array(category).min(2),
  templates: z.record(text, z.array(template).min(1)).describe("How to begin, by category."),
  themes: z.record(text, theme).describe("Theme vectors: how the topic of a conversation is followed."),
  entities: z.strictObject({
    products: z.array(entityWord).describe("Products by name."),
    productKinds: texts.describe("Kinds of goods: 'arrosoir', 'veste'."),
    actions: z.array(entityWord).describe("What a customer wants to do."),
    concerns: z.array(entityWord).describe("What troubles a customer."),
    locations: z.array(entityWord).default([]).describe("Beside the towns and countries of the language."),
    ignore: texts.default([]).describe("Phrases that hold a product's word and name none: 'par téléphone'."),
    timeReferences: texts.default([]).describe("Besides those of the language: 'la Toussaint'."),
    orderNumbers: texts
      .default([])
      .describe(
        "Regular expressions beside the usual shapes; the group 'id', where there is one, is the number.",
      ),
    currency: z.string().length(3).default("EUR").describe("Of amounts without a currency."),
  }),
  courtesy: z.strictObject({
    greetings: texts,
    thanks: texts,
    farewells: texts,
    politeness: texts.describe("Phrases without content: 's'il vous plaît'."),
    insults: texts.default([]).describe("Words and phrases beside those of the language."),
    innocent: texts.default([]).describe("Phrases that hold an insult's word and are none: 'table sale'."),
    replies: z
      .strictObject({
        rude: text.describe("To swearing at nobody in particular."),
        insult: text,
        threat: text.describe("To a threat of harm."),
      })
      .describe("What to say first to an offence, by its grade."),
  }),
  facts: z.array(fact),
  fallback: text.describe("Said where no right answer could be given."),
  ui,
});

/** A domain, with its defaults filled in. */
export type Domain = z.output<typeof domainSchema>;
export type DomainCategory = Domain["categories"][number];
export type EntityWord = Domain["entities"]["products"][number];

/** The JSON Schema that editors use for completion and that the unknown-key hints read. */
export function domainJsonSchema(): z.core.JSONSchema.BaseSchema {
  return z.toJSONSchema(domainSchema, { io: "input" });
}
