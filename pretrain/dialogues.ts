// Conversations and comparisons of questions, written by a seeded generator from hand-written phrases. The model
// learns from them to answer in whole sentences and to stop, and to recognise a question in other words. Every
// place and every fact is invented and drawn at random, so there is nothing to know by heart.

import { Random } from "../sdk/data/random.ts";
import { english, french, type Intent, type PhraseBook, type Place } from "./dialogues/language.ts";
import { dress, lowerFirst, mistype } from "./dialogues/noise.ts";
import type { Facts } from "./dialogues/template.ts";
import type { Language } from "./prose/clean.ts";

export interface Message {
  role: "user" | "assistant";
  content: string;
}

/** A conversation, or a page of prose about questions. */
export type DialogueDocument = { source: string; language: Language } & (
  | { messages: Message[] }
  | { text: string }
);

export interface DialogueOptions {
  /** equal seeds give equal documents */
  seed: number;
  /** how many documents */
  count: number;
  /** share of English documents; default 0.2 */
  englishShare?: number;
}

/** Documents one by one; document n depends on the seed and n alone. */
export function* dialogueDocuments({
  seed,
  count,
  englishShare = 0.2,
}: DialogueOptions): Generator<DialogueDocument> {
  for (let index = 0; index < count; index++) {
    const random = new Random(seed, index);
    const language: Language = random.next() < englishShare ? "en" : "fr";
    const scene = new Scene(language === "en" ? english : french, language, random);
    const kind = random.next();
    if (kind < 0.62) yield { source: "dialogues", language, messages: scene.conversation() };
    else if (kind < 0.74) yield { source: "grounded dialogues", language, messages: scene.grounded() };
    else if (kind < 0.82) yield { source: "question topics", language, messages: scene.aboutQuestions() };
    else if (kind < 0.96) yield { source: "reformulations", language, text: scene.reformulation() };
    else yield { source: "synonyms", language, text: scene.synonyms() };
  }
}

// Social intents that open a conversation; the others close it.
const opening = new Set(["greeting", "howAreYou"]);

/** One invented place with its facts, and the documents that can be written about it. */
class Scene {
  private readonly place: Place;
  private readonly facts: Facts;

  constructor(
    private readonly book: PhraseBook,
    private readonly language: Language,
    private readonly random: Random,
  ) {
    this.place = this.pick(book.places);
    this.facts = book.facts(this.place, random);
  }

  /**
   * One to three turns; a later turn may ask the same again in other words, and gets the same facts. A greeting
   * only opens a conversation; thanks and goodbyes end it.
   */
  conversation(): Message[] {
    const turns = this.pick([1, 1, 1, 2, 2, 3]);
    const messages: Message[] = [];
    let intent: Intent | undefined;
    for (let turn = 0; turn < turns; turn++) {
      const first = turn === 0;
      if (intent && !intent.social && this.random.next() < 0.2) {
        messages.push(...this.askAgain(intent, messages[messages.length - 1].content));
        continue;
      }
      intent = this.intent(first);
      const asked = this.question(intent);
      const question = intent.social ? asked : dress(asked, this.language, first, this.random);
      messages.push({ role: "user", content: mistype(question, this.random) });
      messages.push({ role: "assistant", content: this.say(intent.answer) });
      if (intent.social && !opening.has(intent.id)) break;
    }
    return messages;
  }

  /** The facts come with the question, among others that were not asked for: as sentences, or as earlier answers. */
  grounded(): Message[] {
    const known = this.differentIntents(2 + this.random.int(3));
    const answers = known.map((intent) => this.say(intent.answer));
    const wanted = this.random.int(known.length);
    const asSentences = this.random.next() < 0.5;
    const sheet = asSentences
      ? this.frame(this.book.words.information, { info: answers.join(" ") })
      : known.map((intent, index) => `— ${this.question(intent)}\n${answers[index]}`).join("\n");
    const question = mistype(this.question(known[wanted]), this.random);
    return [
      { role: "user", content: `${sheet}\n\n${this.frame(this.book.words.question, { q: question })}` },
      { role: "assistant", content: answers[wanted] },
    ];
  }

  /** Questions about questions: what is it about, do two ask the same. */
  aboutQuestions(): Message[] {
    const [intent, other] = this.differentIntents(2);
    const { which, topic, compare, yes, no } = this.book.words;
    const q = mistype(this.question(intent), this.random);
    if (this.random.next() < 0.4) {
      return [
        { role: "user", content: this.frame(which, { q }) },
        { role: "assistant", content: this.frame(topic, { topic: intent.topic }) },
      ];
    }
    const same = this.random.next() < 0.5;
    const r = mistype(this.question(same ? intent : other), this.random);
    return [
      { role: "user", content: this.frame(compare, { q, r }) },
      {
        role: "assistant",
        content: this.frame(same ? yes : no, { topic: intent.topic, other: other.topic }),
      },
    ];
  }

  /** A page that asks one thing in many ways and says what it was. */
  reformulation(): string {
    const [intent, other] = this.differentIntents(2);
    const { again, same, other: contrast } = this.book.words;
    const questions = this.differentQuestions(intent, 3 + this.random.int(4));
    const parts = questions.map((q, index) => (index === 0 ? q : this.frame(again, { q })));
    parts.push(this.frame(same, { topic: intent.topic }));
    if (this.random.next() < 0.4)
      parts.push(this.frame(contrast, { q: this.question(other), topic: other.topic }));
    if (this.random.next() < 0.5) parts.push(this.say(intent.answer));
    return parts.join("\n");
  }

  /** Words that mean the same, and what leads to what. */
  synonyms(): string {
    const { groups, frames, causes } = this.book.synonyms;
    return Array.from({ length: 3 + this.random.int(4) }, () => {
      if (this.random.next() < 0.4) return this.say(causes);
      const [a, b] = this.random.shuffle([...this.pick(groups)]);
      return this.frame(frames, { a, b });
    }).join(" ");
  }

  private askAgain(intent: Intent, answer: string): Message[] {
    const { repeat, confirm } = this.book.words;
    const question = this.frame(repeat, { q: this.question(intent) });
    return [
      { role: "user", content: mistype(question, this.random) },
      { role: "assistant", content: this.frame(confirm, { a: answer }) },
    ];
  }

  private question(intent: Intent): string {
    return this.say(this.random.next() < 0.12 ? intent.keywords : intent.ask);
  }

  /** Up to `count` questions of one intent, no two alike. */
  private differentQuestions(intent: Intent, count: number): string[] {
    const questions = new Set<string>();
    for (let tries = 0; questions.size < count && tries < 4 * count; tries++) {
      questions.add(mistype(this.question(intent), this.random));
    }
    return [...questions];
  }

  private get possible(): Intent[] {
    return this.book.intents.filter((intent) => intent.for === "all" || this.place.tags.includes(intent.for));
  }

  private intent(first: boolean): Intent {
    const social = this.random.next() < (first ? 0.08 : 0.14);
    return this.pick(
      this.possible.filter(
        (intent) => Boolean(intent.social) === social && (first || !opening.has(intent.id)),
      ),
    );
  }

  private differentIntents(count: number): Intent[] {
    return this.random.shuffle(this.possible.filter((intent) => !intent.social)).slice(0, count);
  }

  private say(templates: string[]): string {
    return this.book.say(this.pick(templates), this.facts, this.random);
  }

  /** A frame with its blanks filled; what is filled in is finished text, not a template. */
  private frame(frames: string[], blanks: Record<string, string>): string {
    // After a comma the question goes on in lower case: "Pardon, à quelle heure …"
    return this.pick(frames).replace(/(, )?\{(\w+)\}/g, (_, comma, name) => {
      return comma ? comma + lowerFirst(blanks[name]) : blanks[name];
    });
  }

  private pick<T>(list: readonly T[]): T {
    return list[this.random.int(list.length)];
  }
}
