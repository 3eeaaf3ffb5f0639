/** A French past tense right before a day: in "j'ai commandé une table lundi" the Monday is the one before. */
const avoir = "(?:ai|jai|g|as|a|avons|avez|ont|avais|avait)";
/** A participle that shows it: "commandé", "reçues", "pris". */
const participle = "(?:\\p{L}+é(?:e|s|es)?|re[cç]ue?s?|fini|parti|rendu|attendu|pris|mis)";
/** After "j'ai" it may lack its accent, which elsewhere tells it from "commande" or "passe". */
const withoutAccent = "(?:j['’]?ai|(?:^|\\s)g)\\s+\\p{L}{3,}e";
/** "je serai livré samedi" is yet to come. */
const noFuture = "(?<!(?:être|etre|ser\\p{L}+|est|sont|suis|êtes|etes)\\s+)(?<!\\p{L})";
/** "commandé [une table] [le] lundi" */
const object = "(?:(?:le|ce|mon|ma|mes|un|une|des|votre|vos|la|les)\\s+(?:\\p{L}+\\s+)?)?(?:le\\s+)?";

const past = [
  `(?:^|[\\s'’])${avoir}\\s+(?:[\\p{L}'’]+\\s+){0,3}?${participle}`,
  withoutAccent,
  `${noFuture}${participle}`,
];

export const frenchPast = new RegExp(`(?:${past.join("|")})\\s+${object}$`, "iu");
