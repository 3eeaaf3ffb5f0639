/** Times in French. Every word is written folded. */
import { list, phrases } from "../lists.ts";
import type { TimeWords } from "../timeWords.ts";

const avoir = "(?:ai|jai|g|as|a|avons|avez|ont|avais|avait)";
/** A participle that shows it: "commandé", "reçues", "pris". */
const participle = "(?:\\p{L}+é(?:e|s|es)?|re[cç]ue?s?|fini|parti|rendu|attendu|pris|mis)";
/** After "j'ai" it may lack its accent, which elsewhere tells it from "commande" or "passe". */
const withoutAccent = "(?:j['’]?ai|(?:^|\\s)g)\\s+\\p{L}{3,}e";
/** "je serai livré samedi" is yet to come. */
const noFuture = "(?<!(?:être|etre|ser\\p{L}+|est|sont|suis|êtes|etes)\\s+)(?<!\\p{L})";
/** "commandé [une table] [le] lundi" */
const object = "(?:(?:le|ce|mon|ma|mes|un|une|des|votre|vos|la|les)\\s+(?:\\p{L}+\\s+)?)?(?:le\\s+)?";

// A past tense right before a day: in "j'ai commandé une table lundi" the Monday is the one before.
const past = [
  `(?:^|[\\s'’])${avoir}\\s+(?:[\\p{L}'’]+\\s+){0,3}?${participle}`,
  withoutAccent,
  `${noFuture}${participle}`,
];

const happenedBefore = new RegExp(`(?:${past.join("|")})\\s+${object}$`, "iu");

/** What may go on behind a day: "le 3 et j'attends". */
const GOES_ON = new Set(list("et mais a au pour par puis car donc ou je on il ca chez dans"));
/** Words that a day may stand behind, beside verbs and participles. */
const BEFORE_DAY = new Set(list("livraison commande date rdv depuis"));

/** "commandé le 3", "prévue le 22": behind what happens on a day and before nothing of its own. */
const isBareDay: TimeWords["isBareDay"] = (raw, tokens, at, isAction) => {
  if (tokens[at - 1]?.word !== "le") return false;
  const next = tokens[at + 1];
  const open = next !== undefined && next.clause === tokens[at].clause && /\p{L}|\d|[€$£%]/u.test(next.word);
  if (open && !GOES_ON.has(next.word)) return false;
  const before = tokens[at - 2];
  if (before === undefined || /[^\s]/.test(raw.slice(before.end, tokens[at - 1].start))) return false;
  return (
    /(?:é(?:e?s?)|ue?s?|it|ie?s?|ra|rez|er|ez)$/i.test(before.text) ||
    BEFORE_DAY.has(before.word) ||
    isAction(at - 2) ||
    /^\d/.test(before.word)
  );
};

export const frenchTimes = {
  months: new Map(
    list("janvier fevrier mars avril mai juin juillet aout septembre octobre novembre decembre").map(
      (m, i) => [m, i],
    ),
  ),
  weekdays: new Map(list("dimanche lundi mardi mercredi jeudi vendredi samedi").map((d, i) => [d, i])),
  relativeDays: new Map([
    ["avant hier", -2],
    ["apres demain", 2],
    ["aujourd hui", 0],
    ["aujourdhui", 0],
    ["aujourdui", 0],
    ["ojd", 0],
    ["apres midi", 0],
    ["hier soir", -1],
    ["hier matin", -1],
    ["demain matin", 1],
    ["demain soir", 1],
    ["demain midi", 1],
    ["demain apres midi", 1],
    ["hier apres midi", -1],
    ["ce midi", 0],
    ["l annee prochaine", 365],
    ["annee prochaine", 365],
    ["l an prochain", 365],
    ["hier", -1],
    ["demain", 1],
    ["ce matin", 0],
    ["ce soir", 0],
    ["cette nuit", 0],
    ["cet apres midi", 0],
    ["maintenant", 0],
    ["la semaine prochaine", 7],
    ["semaine prochaine", 7],
    ["la semaine derniere", -7],
    ["semaine derniere", -7],
    ["le mois prochain", 30],
    ["mois prochain", 30],
    ["le mois dernier", -30],
    ["mois dernier", -30],
    ["l an dernier", -365],
    ["an dernier", -365],
    ["annee derniere", -365],
  ]),
  periods: new Map(
    Object.entries({
      ...{ minute: 0, minutes: 0, min: 0, heure: 0, heures: 0, h: 0, jour: 1, jours: 1, j: 1, semaine: 7 },
      ...{ semaines: 7, mois: 30, an: 365, ans: 365, annee: 365, annees: 365, quinzaine: 15 },
    }),
  ),
  agoWords: [
    "il y a",
    "y a",
    "ya",
    "depuis",
    "dpuis",
    "ca fait",
    "sa fait",
    "voila",
    "cela fait",
    "depuis plus de",
    "il y a plus de",
    "il y a environ",
    "ca fait plus de",
    "il y a deja",
  ],
  inWords: ["dans", "d ici", "sous", "dans moins de", "dans les", "sous les", "en moins de"],
  dayParts: new Set(list("matin soir midi apresmidi aprem matinee soiree")),
  sinceWords: new Set(["depuis", "dpuis"]),
  dayArticles: new Set(["le"]),
  firstOfMonth: new Set(["1er"]),
  clockUnits: new Set(list("h heure heures")),
  one: new Set(list("une un")),
  isAge: (before, after) => /^(?:de|a|ai|en|pour|des)$/.test(before) && /^ans?$/.test(after),
  coming: { before: new Set(), after: /^prochain/ },
  gone: { before: new Set(), after: /^derni/ },
  happenedBefore,
  isBareDay,
  looseTimes:
    phrases(`bientot|weekend|week end|ce week end|ce weekend|le week end|week end prochain|week end dernier|
    au plus vite|au plus tot|des que possible|noel|a noel|avant noel|nouvel an|tout de suite|
    immediatement|maintenant|en ce moment|actuellement|recemment|dernierement|cette semaine|cette annee|
    ce mois ci|ce mois|cette apres midi|cet ete|en ete|cet hiver|cet automne|ce printemps|l hiver|
    ete prochain|ete dernier|l automne|le printemps|au printemps|la veille|le lendemain|lendemain|
    surlendemain|tout a l heure|en fin de semaine|en debut de semaine|debut de semaine|fin de semaine|
    fin du mois|la fin du mois|fin de mois|debut du mois|en fin de mois|fin de l annee|mi janvier|
    saint valentin|la saint valentin|black friday|toussaint|paques|14 juillet|jours feries|
    le dimanche matin|plus tard dans la journee|dans la journee|a midi|midi|minuit|semaine pro|mois pro|
    hier soir|avant hier soir|des demain|longtemps|depuis longtemps|plusieurs jours|
    depuis plusieurs jours|depuis plusieurs semaines|plusieurs semaines|quelques jours|
    depuis quelques jours|il y a quelques jours|il y a longtemps|il y a plusieurs jours|
    il y a plusieurs semaines|dans quelques jours|24 7|en semaine|le soir|la nuit|tous les jours|
    depuis hier|depuis le debut|depuis toujours|ca fait longtemps|ca fait des semaines|
    depuis des semaines|depuis des jours|depuis des mois|il y a des semaines|depuis une eternite`),
} satisfies Partial<TimeWords>;
