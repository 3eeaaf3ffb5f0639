/** English as the reasoning sees it. Every word is written folded: lower case, plain apostrophes gone. */

import type { Language } from "../language.ts";
import { list, phrases, table } from "../lists.ts";
import { COUNTRIES, PLACES } from "../places.ts";
import { englishReplies } from "./replies.ts";
import { englishTexts } from "./texts.ts";
import { englishTroubleAt } from "./troubles.ts";

/** A light stem: plurals, -ing and -ed. */
function stem(word: string): string {
  if (word.length < 4 || /\d/.test(word)) return word;
  let base = word;
  if (base.endsWith("ies") && base.length > 4) return `${base.slice(0, -3)}y`;
  if (base.endsWith("sses")) return base.slice(0, -2);
  if (/(?:[sxz]|[cs]h)es$/.test(base)) return base.slice(0, -2);
  if (base.endsWith("s") && !/(?:ss|us|is)$/.test(base)) base = base.slice(0, -1);
  for (const ending of ["ing", "ed"]) {
    const rest = base.slice(0, -ending.length);
    if (!base.endsWith(ending) || rest.length < 3 || !/[aeiouy]/.test(rest)) continue;
    // "setting" and "set", but "install" keeps both letters.
    return /([bdgmnprt])\1$/.test(rest) ? rest.slice(0, -1) : rest;
  }
  return base.length > 4 && base.endsWith("e") ? base.slice(0, -1) : base;
}

/** Without the plural's ending. */
function singular(word: string): string {
  if (word.length < 4 || /\d/.test(word)) return word;
  if (word.endsWith("ies")) return `${word.slice(0, -3)}y`;
  if (/(?:[sxz]|[cs]h)es$/.test(word)) return word.slice(0, -2);
  return /[^su]s$/.test(word) && !word.endsWith("is") ? word.slice(0, -1) : word;
}

const SMALL = list(
  `zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
   seventeen eighteen nineteen twenty`,
);

export const english: Language = {
  code: "en",
  no: "no",
  stem,
  singular,
  elisions: new Set(),
  abbreviations:
    table(`pls please|plz please|thx thanks|ty thanks|thnx thanks|u you|ur your|r are|pw password|
    pwd password|pass password|passwd password|wifi wi fi|wlan wi fi|addr address|acct account|info information|
    asap soon|b4 before|w8 wait|2day today|2moro tomorrow|tmrw tomorrow|dont do not|doesnt does not|cant can not|
    wont will not|isnt is not|didnt did not|couldnt could not|whats what is|wheres where is|hows how is|im i am|
    ive i have|id i would|hw how|hav have|prob problem|pc computer|hdd drive|ssd drive|fw firmware|
    cannot can not|hiya hi|cya goodbye|cu goodbye|gonna going to|wanna want to`),
  commonWords: [],
  stopWords: new Set(
    list(`the a an this that these those my your his her its our their i you he she it we they me him us them of to
      in on at by for with from into about as is are am was were be been being do does did have has had can could
      may might must shall should will would not no so and or but if than then there here what which who whom whose
      when where why how please just really very too also any some all s ll ve re d get got`),
  ),
  negations: new Set(list("not no never without nothing none neither nor hardly")),
  positive:
    phrases(`happy|glad|great|thanks|thank you|perfect|excellent|awesome|love it|satisfied|brilliant|nice|
    works well|fantastic|cheers`),
  negative: phrases(`unhappy|angry|annoyed|annoying|furious|terrible|awful|useless|broken|dead|fails|failed|
    failure|error|problem|issue|crash|crashes|freezes|frozen|slow|stuck|lost|locked|blocked|disappointed|
    ridiculous|unacceptable|worst|scam|fed up|complaint|bad|faulty|does not work|stopped working`),
  recalls: phrases(`as i said|you said|you told me|you mentioned|earlier|previous question|my last question|
    your answer|the first one|the second one|the last one|the other one|both of them|in that case|the same one|
    say that again|repeat that|i do not understand|not clear|are you sure|what do you mean|tell me more|like before`),
  continuations:
    phrases(`and for|and if|and on|and the|and in|and with|and how|and where|and when|and is|and can|
    and what|what about|how about|but what|but if|even if|also for|otherwise|so|then|and`),
  pointers: {
    ends: new Set(list("too then instead either exactly already")),
    prepositions: new Set(list("by with without for in on at from to until since before after")),
    itIs: /^(?:it['’]?s|that['’]?s|it|that)$/i,
    asksAnew: new Set(list("what where who when possible")),
    these: new Set(list("this that these those")),
    attributes: new Set(
      list("price size sizes colour colours color colors weight dimensions warranty model stock"),
    ),
    days: new Set(list("morning evening night week weekend year month is are was")),
  },
  newSubjects:
    phrases(`another question|different question|unrelated|by the way|something else|on another note|other topic|
    one more thing|last thing|last question|changing subject`),
  interjections: new Set(
    list("ok okay oh ah well great thanks hmm right sure yes no fine cool sorry pity perfect"),
  ),
  modals: new Set(),
  noAntecedents: new Set(list("time times day days hour hours price long much many week weeks")),
  pronouns: new Set(list("it they them this that these those one ones he she")),
  demonstratives: new Set(list("that")),
  objectPronouns: new Set(),
  subjects: new Set(),
  links: new Set(list("and then so well")),
  emptyPronouns: new Set([
    ...[
      "this morning",
      "this week",
      "this month",
      "this device",
      "this router",
      "this laptop",
      "is it possible",
    ],
    ...[
      "that i",
      "that my",
      "that the",
      "this box",
      "it possible",
      "it rains",
      "this chat",
      "how long does it",
    ],
    ...["it says", "it take", "it cost", "this account", "this product"],
  ]),
  fillers:
    phrases(`hello|hi|hey|good morning|good afternoon|of course|great question|good question|sure|certainly|
    thank you for your question|thanks for your question|thank you for reaching out`),
  refusals:
    phrases(`i do not know|i am not sure|i do not have|we do not|please contact|please call|unfortunately|
    sorry|could you tell|can you tell|which device`),
  numbers: new Map<string, number>([
    ...SMALL.map((word, value): [string, number] => [word, value]).filter(([word]) => word !== "one"),
    ...Object.entries({ thirty: 30, forty: 40, fifty: 50, sixty: 60, hundred: 100, thousand: 1000 }),
  ]),
  questions: new Map([
    ["how many", "quantity"],
    ["how much", "quantity"],
    ["how long", "quantity"],
    ["when", "time"],
    ["where", "place"],
    ["how", "manner"],
    ["why", "reason"],
    ["who", "person"],
    ["what", "thing"],
    ["which", "thing"],
    ["can i", "yesno"],
    ["is", "yesno"],
    ["are", "yesno"],
    ["do", "yesno"],
    ["does", "yesno"],
  ]),
  months: new Map(
    list("january february march april may june july august september october november december").map(
      (m, i) => [m, i],
    ),
  ),
  weekdays: new Map(list("sunday monday tuesday wednesday thursday friday saturday").map((d, i) => [d, i])),
  relativeDays: new Map([
    ["day before yesterday", -2],
    ["day after tomorrow", 2],
    ["today", 0],
    ["yesterday", -1],
    ["tomorrow", 1],
    ["this morning", 0],
    ["tonight", 0],
    ["this evening", 0],
    ["right now", 0],
    ["next week", 7],
    ["last week", -7],
    ["next month", 30],
    ["last month", -30],
    ["last year", -365],
  ]),
  periods: new Map(
    Object.entries({
      ...{
        second: 0,
        seconds: 0,
        minute: 0,
        minutes: 0,
        hour: 0,
        hours: 0,
        day: 1,
        days: 1,
        week: 7,
        weeks: 7,
      },
      ...{ month: 30, months: 30, year: 365, years: 365 },
    }),
  ),
  agoWords: ["since", "for the last"],
  inWords: ["in", "within", "after"],
  dayParts: new Set(list("morning evening night afternoon noon")),
  sinceWords: new Set(["since"]),
  nounsFirst: new Set(list("order orders return returns charge")),
  determiners: new Set(
    list("a an the my your his her its our their this that these those some any no every"),
  ),
  happenedBefore:
    /\b(?:\w{2,}ed|bought|got|sent|paid|made|came|went|was|were|did|broke|began|stopped)\b(?:\s+\w+){0,4}\s+(?:on\s+)?$/i,
  auxiliaries: new Set(list("is was were been be has have had being are")),
  tooMuch: new Set(["too"]),
  tooMuchNot: new Set(list("late early good much many bad well funny nice")),
  looseTimes: list("soon weekend weekday weekdays").concat([
    "at night",
    "every night",
    "as soon as possible",
  ]),
  troubleAt: englishTroubleAt,
  trades: new Set(list("sell buy bought order ordered")),
  articles: new Set(list("a an the some any my")),
  between: new Set(list("you still also any")),
  compoundNot: new Set(),
  places: PLACES,
  countries: new Set(COUNTRIES),
  currencies: new Map([
    ["€", "EUR"],
    ["euros", "EUR"],
    ["$", "USD"],
    ["dollars", "USD"],
    ["£", "GBP"],
    ["pounds", "GBP"],
    ["quid", "GBP"],
  ]),
  synonyms: [
    list("wifi wireless"),
    list("guarantee warranty"),
    list("phone number"),
    list("notebook laptop"),
  ],
  vocatives: new Set(
    list(
      "you all everyone everybody there team guys folks mate sir madam dear support friend friends robot bot lovely people my the",
    ),
  ),
  replies: englishReplies,
  texts: englishTexts,
  wording: {
    classify: 'Which category is this request of a customer? "{query}"',
    tones: {
      neutral: "Tone: polite and direct.",
      warm: "Tone: warm.",
      apologetic: "Tone: understanding, acknowledge the trouble.",
      calm: "Tone: calm and firm, do not answer provocation.",
      enthusiastic: "Tone: cheerful.",
    },
    formats: {
      short: "Form: one short sentence.",
      sentence: "Form: one or two sentences.",
      steps: "Form: the steps in order.",
      list: "Form: a short list.",
    },
    focus: "The question is about: {category}.",
    clarify: "The request is ambiguous: ask for a detail.",
    begin: "Begin with: {text}",
    known: "The customer named: {entities}.",
    followUp: "The question refers to what was said before.",
    facts: "Certain facts: {facts}",
    retry: "The previous answer was wrong: {issue} Answer differently.",
  },
};
