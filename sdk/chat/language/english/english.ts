/** English as the reasoning sees it. Every word is written folded: lower case, plain apostrophes gone. */
import { defineLanguage } from "../defineLanguage.ts";
import { list, phrases } from "../lists.ts";
import { englishContext } from "./context.ts";
import { englishNumbers } from "./numbers.ts";
import { englishReplies } from "./replies.ts";
import { englishRude } from "./rude.ts";
import { englishSpelling } from "./spelling.ts";
import { englishTexts } from "./texts.ts";
import { englishThings } from "./things.ts";
import { englishTimes } from "./times.ts";

export const english = defineLanguage({
  code: "en",
  baseDomain: "support.en",
  no: "no",
  ...englishSpelling,
  ...englishContext,
  ...englishTimes,
  ...englishNumbers,
  ...englishThings,
  negations: new Set(list("not no never without nothing none neither nor hardly")),
  positive:
    phrases(`happy|glad|great|thanks|thank you|perfect|excellent|awesome|love it|satisfied|brilliant|nice|
    works well|fantastic|cheers`),
  negative: phrases(`unhappy|angry|annoyed|annoying|furious|terrible|awful|useless|broken|dead|fails|failed|
    failure|error|problem|issue|crash|crashes|freezes|frozen|slow|stuck|lost|locked|blocked|disappointed|
    ridiculous|unacceptable|worst|scam|fed up|complaint|bad|faulty|does not work|stopped working`),
  fillers:
    phrases(`hello|hi|hey|good morning|good afternoon|of course|great question|good question|sure|certainly|
    thank you for your question|thanks for your question|thank you for reaching out`),
  refusals:
    phrases(`i do not know|i am not sure|i do not have|we do not|please contact|please call|unfortunately|
    sorry|could you tell|can you tell|which device`),
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
  rude: englishRude,
  texts: englishTexts,
});
