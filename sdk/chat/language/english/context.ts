/** How English points back to what was said before. Every word is folded. */
import type { ContextWords } from "../contextWords.ts";
import { list, phrases } from "../lists.ts";

export const englishContext = {
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
  noAntecedents: new Set(list("time times day days hour hours price long much many week weeks")),
  pronouns: new Set(list("it they them this that these those one ones he she")),
  demonstratives: new Set(list("that")),
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
} satisfies Partial<ContextWords>;
